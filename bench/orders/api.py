"""`python -m bench.orders.api ROWS`: serves so many orders on loopback, and prints its address."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

PAGE = 1_000
"""Orders of a page."""
_START = datetime(2024, 1, 1, tzinfo=UTC)


def order(number: int) -> dict[str, Any]:
    """An order of three lines, with an address."""
    return {
        "id": f"o-{number:08}",
        "placed_at": (_START + timedelta(seconds=number)).isoformat(),
        "total": number % 997 + 0.25,
        "customer": {"id": number % 5_003, "name": f"Customer {number % 5_003}"},
        "address": {"street": f"Street {number % 211}", "zip": f"{number % 99_991:05}"},
        "lines": [
            {"sku": f"sku-{(number + line) % 499}", "quantity": line + 1, "price": line + 0.5}
            for line in range(3)
        ],
        "note": None if number % 3 else f"note {number}",
    }


class Handler(BaseHTTPRequestHandler):
    """Answers a page of orders."""

    protocol_version = "HTTP/1.1"
    rows = 0

    def do_GET(self) -> None:
        page = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
        numbers = range((page - 1) * PAGE, min(page * PAGE, self.rows))
        body = orjson.dumps({"data": [*map(order, numbers)], "pages": -(-self.rows // PAGE)})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing: what is measured is the reading."""


if __name__ == "__main__":
    Handler.rows = int(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
