"""The sources of the shop, as `[shop]` of lakehouse.toml names them; else examples of them."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

_PAGE = 10
_SKUS, _CUSTOMERS = ["tea", "cup", "pot"], ["1", "2", "3", "4"]
_COUNTRIES = {"1": "DE", "2": "SE", "3": "DE", "4": "PL"}


def orders(start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    """Yield an order for each full hour from `start` up to `end`."""
    moment = start.replace(minute=0, second=0, microsecond=0)
    while moment < end:
        hour = int(moment.timestamp()) // 3600
        items = [
            {"sku": _SKUS[(hour + number) % 3], "quantity": number + 1}
            for number in range(hour % 2 + 1)
        ]
        if moment >= start:
            yield {
                "orderId": f"o{hour}",
                "customer": {"id": _CUSTOMERS[hour % 4], "isNew": hour % 8 == 0},
                "placedAt": moment.isoformat(),
                "items": items,
            }
        moment += timedelta(hours=1)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        start, end = (
            datetime.fromisoformat(asked[name]).astimezone(UTC) for name in ("from", "to")
        )
        found, page = list(orders(start, end)), int(asked.get("page", 0))
        following = f"{address.path}?{urlencode({**asked, 'page': page + 1})}"
        body = json.dumps(
            {
                "orders": found[page * _PAGE : (page + 1) * _PAGE],
                "next": f"http://{self.headers['Host']}{following}"
                if len(found) > (page + 1) * _PAGE
                else None,
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


class ExampleApi:
    """The REST API of a shop on a free port of this machine, until `close`."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()


def make_database(path: Path) -> str:
    """Make the database of a shop, in SQLite; return its address."""
    rows = [(key, f"Customer {key}", country) for key, country in _COUNTRIES.items()]
    columns = "id TEXT, name TEXT, country_code TEXT, updated_at TEXT, closed_at TEXT"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE customers ({columns})")
        connection.executemany(
            "INSERT INTO customers VALUES (?, ?, ?, '2024-03-01T08:00:00Z', NULL)", rows
        )
    return f"sqlite:///{path}"


class ExampleDatabase:
    """The database of a shop in a folder for temporary files, until `close`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.url = make_database(Path(self._folder.name) / "shop.db")

    def close(self) -> None:
        """Remove it."""
        self._folder.cleanup()
