"""The Postgres that marts are published to: a configured one, or the embedded one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from lakehouse.addresses import Address
from lakehouse.config import Settings
from lakehouse.errors import PublishError, QueryError
from lakehouse.postgres import roles
from lakehouse.postgres.embedded import Server
from lakehouse.postgres.reading import keep_every_instant, named_row

if TYPE_CHECKING:
    import psycopg

_REASONS = {
    "authentication failed": "refuses the user or the password",
    "no password supplied": "asks for a password, and none is set",
    "pg_hba.conf": "lets this user in from nowhere, or not from here",
    "certificate": "has a certificate that is not trusted; see sslmode and sslrootcert",
    "SSL": "does not agree with us on encryption; see sslmode",
    "does not exist": "has no such database or user",
    "not permitted to log in": "does not let this user log in",
    "permission denied for database": "does not let this user into the database",
    "too many": "has no connection left",
    "connection slots": "has no connection left",
    "starting up": "is starting",
    "shutting down": "is being stopped",
    "bad: invalid": "cannot be asked: an option of the address has a value that cannot be",
    "resolve host": "does not answer: the name of the host is not known",
    "refused": "does not answer: nobody listens there",
    "No such file": "does not answer: nobody listens there",
    "unreachable": "does not answer: no network leads there",
}
"""What libpq says, by a few words of it, in words that hold nothing of an address."""

_ONE_QUERY = "give one SELECT: `query` changes nothing"
_HINTS = {"42601": _ONE_QUERY, "0A000": _ONE_QUERY, "25006": _ONE_QUERY}
"""What to do about what a cursor does not take, and what a transaction that reads may not do."""


@contextmanager
def serving(settings: Settings, *, to_read: bool = False) -> Iterator[Address]:
    """The address of the Postgres; the embedded one runs as long as somebody uses it.

    `to_read`: the embedded one is for a role that may only read the marts.
    """
    if settings.postgres_url is not None:
        yield settings.postgres_url
        return
    server = _embedded(settings)
    with server.serving(roles.READER if to_read else roles.OWNER) as address:
        yield Address(f"{server.folder}/postgres", SecretStr(address))


def is_set_up(settings: Settings) -> bool:
    """Whether starting the Postgres takes no longer than a moment."""
    return settings.postgres_url is not None or _embedded(settings).is_set_up


def identity(settings: Settings) -> str:
    """What tells this Postgres from another, such as an embedded one that was made anew."""
    if settings.postgres_url is None:
        return _embedded(settings).identity
    # Of the server alone: from what depends on a password, the password can be guessed.
    return hashlib.sha256(settings.postgres_url.shown.encode()).hexdigest()[:16]


def _embedded(settings: Settings) -> Server:
    """The server of the home; it runs while somebody uses it."""
    return Server(settings.home / "postgres", settings.home / "locks")


def reader(settings: Settings) -> tuple[str, str, Path]:
    """The role that reads the marts in the embedded Postgres, its password, and the file of it."""
    passfile = _embedded(settings).passfile
    return roles.READER, roles.password(passfile, roles.READER), passfile


def socket(address: Address) -> Path:
    """The path of the Unix socket that an address names."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(address.reveal())
    return Path(str(parts["host"])) / f".s.PGSQL.{parts.get('port', 5432)}"


def query(address: Address, sql: str) -> list[dict[str, Any]]:
    """The rows of one query. Raises QueryError, also for any other statement.

    Postgres itself sees to it: it takes nothing but one query for a cursor, and a transaction that
    may only read lets no function change a table.
    """
    import psycopg

    with connected(address) as connection:
        connection.read_only = True
        keep_every_instant(connection)
        try:
            _give_up_power(connection)
            with connection.cursor("query", row_factory=named_row) as cursor:
                return cursor.execute(sql).fetchall()
        except psycopg.Error as error:
            reason = error.diag.message_primary or type(error).__name__
            hint = error.diag.message_hint or _HINTS.get(error.sqlstate or "", "")
            raise QueryError(f"Postgres: {reason}", hint=hint) from None


def _give_up_power(connection: psycopg.Connection) -> None:
    """Let a superuser, who may read files and run programs by functions, read tables alone."""
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if row.fetchone() == (True,):
        connection.execute("SET LOCAL ROLE pg_read_all_data")


@contextmanager
def connected(address: Address) -> Iterator[psycopg.Connection]:
    """A connection. Raises PublishError, which repeats nothing that libpq says."""
    import psycopg

    try:
        connection = psycopg.connect(address.reveal())
    except psycopg.Error as error:
        reasons = (ours for theirs, ours in _REASONS.items() if theirs in str(error))
        raise PublishError(
            f"Postgres at {address} {next(reasons, 'does not answer')}",
            hint="is it running, and are the user and the password right?",
        ) from None
    with connection:
        yield connection
