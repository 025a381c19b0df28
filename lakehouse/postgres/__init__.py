"""The Postgres that marts are published to: a configured one, or the embedded one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lakehouse.config import Settings
from lakehouse.errors import PublishError, QueryError
from lakehouse.postgres.embedded import Server
from lakehouse.postgres.reading import keep_every_instant, named_row

if TYPE_CHECKING:
    import psycopg


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The connection string of the Postgres; the embedded one runs as long as somebody uses it.

    The string may hold a password: never show it.
    """
    if settings.postgres_url is not None:
        yield settings.postgres_url.get_secret_value()
        return
    with _embedded(settings).serving() as address:
        yield address


def is_set_up(settings: Settings) -> bool:
    """Whether starting the Postgres takes no longer than a moment."""
    return settings.postgres_url is not None or _embedded(settings).is_set_up


def identity(settings: Settings) -> str:
    """What tells this Postgres from another, such as an embedded one that was made anew."""
    if settings.postgres_url is None:
        return _embedded(settings).identity
    return hashlib.sha256(settings.postgres_url.get_secret_value().encode()).hexdigest()[:16]


def _embedded(settings: Settings) -> Server:
    return Server(settings.home / "postgres", settings.home / "locks")


def socket(address: str) -> str:
    """The path of the Unix socket that an address names."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(address)
    return f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}"


def query(address: str, sql: str) -> list[dict[str, Any]]:
    """The rows of a statement that may only read. Raises QueryError."""
    import psycopg

    with connected(address) as connection:
        connection.read_only = True
        keep_every_instant(connection)
        try:
            return connection.cursor(row_factory=named_row).execute(sql).fetchall()
        except psycopg.Error as error:
            reason = error.diag.message_primary or str(error)
            raise QueryError(f"Postgres: {reason}", hint=error.diag.message_hint or "") from None


@contextmanager
def connected(address: str) -> Iterator[psycopg.Connection]:
    """A connection; errors name the server but never the password."""
    import psycopg

    try:
        connection = psycopg.connect(address)
    except psycopg.OperationalError as error:
        raise PublishError(
            f"Postgres at {shown(address)} does not answer: {_without(address, str(error))}",
            hint="is it running, and are the user and the password right?",
        ) from None
    with connection:
        yield connection


def shown(address: str) -> str:
    """The server's place without user and password."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(address)
    port = f":{parts['port']}" if "port" in parts else ""
    return f"{parts.get('host', 'localhost')}{port}/{parts.get('dbname', '')}"


def _without(address: str, message: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    password = str(conninfo_to_dict(address).get("password") or "")
    text = " ".join(message.split())
    return text.replace(password, "***") if password else text
