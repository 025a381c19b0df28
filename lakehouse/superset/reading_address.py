"""The address by which Superset reads the marts: that of the settings, for the role that reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from lakehouse.addresses.postgres import parse
from lakehouse.postgres.roles import READER

if TYPE_CHECKING:
    from lakehouse.config import Settings

_EMBEDDED = {"host": "127.0.0.1", "port": "5433", "dbname": "postgres"}
"""Where `lakehouse postgres` listens."""


@dataclass(frozen=True)
class ReadingAddress:
    """The database that holds the marts, and its address as SQLAlchemy reads it."""

    database: str
    uri: str
    """It holds neither a password nor what else the settings say beside the server."""


def reading_address(settings: Settings) -> ReadingAddress:
    """Return the address of the Postgres of the settings, for the role that reads marts alone.

    Of the settings' address, it has the servers, the database and `sslmode`: nothing else is
    needed to read, and a password may hide anywhere.
    """
    address = settings.postgres_url
    parts = _EMBEDDED if address is None else parse(address.reveal())
    database = parts["dbname"] if address is None else address.shown.rpartition("/")[2]
    host, port = parts.get("host") or parts.get("hostaddr") or "localhost", parts.get("port", "")
    options = {"sslmode": parts["sslmode"]} if "sslmode" in parts else {}
    place = f"[{host}]" if ":" in host else host
    if port:
        place += f":{port}"
    if "," in host or host.startswith(("/", "@")):  # several servers, or a socket
        options |= {"host": host} | ({"port": port} if port else {})
        place = ""
    query = f"?{urlencode(options)}" if options else ""
    database = database or "postgres"
    return ReadingAddress(
        database, f"postgresql+psycopg2://{READER}@{place}/{quote(database)}{query}"
    )
