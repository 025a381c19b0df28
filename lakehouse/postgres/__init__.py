"""The Postgres of the marts, configured or embedded: its server, roles, port, connections, queries.

Only the embedded one is started and stopped, has roles made, and is passed on to a TCP port. What
is written into the marts is in `publish`.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from lakehouse.addresses import Address
from lakehouse.addresses.postgres import limited
from lakehouse.config import Settings
from lakehouse.errors import PublishError
from lakehouse.postgres import embedded, roles
from lakehouse.postgres.embedded import Server

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
    "definition of service": "cannot be asked: the service that PGSERVICE names is not described",
    "resolve host": "does not answer: the name of the host is not known",
    "refused": "does not answer: nobody listens there",
    "No such file": "does not answer: nobody listens there",
    "unreachable": "does not answer: no network leads there",
}
"""Our words for errors of libpq, by a part of its text; ours repeat nothing of an address."""
_FORMATS = """
SET LOCAL datestyle TO ISO; SET LOCAL intervalstyle TO postgres; SET LOCAL timezone TO 'UTC';
SET LOCAL extra_float_digits TO 1; SET LOCAL bytea_output TO hex
"""
"""What values look like, whatever the environment, the role, the database or the server say."""


@contextmanager
def serving(settings: Settings, *, to_read: bool = False) -> Iterator[Address]:
    """Yield the address of the Postgres; the embedded server runs as long as somebody uses it.

    With `to_read`, the address of the embedded server is that of a role that only reads the marts.
    """
    if settings.postgres_url is not None:
        yield settings.postgres_url
        return
    server = _embedded(settings)
    with server.serving(roles.READER if to_read else roles.OWNER) as address:
        yield Address(f"{server.folder}/postgres", SecretStr(address))


def is_set_up(settings: Settings) -> bool:
    """Return whether the Postgres has data already, so that starting it takes only a moment."""
    return settings.postgres_url is not None or _embedded(settings).is_set_up


def identity(settings: Settings) -> str:
    """Return a text that differs for another Postgres, also for an embedded one made anew."""
    if settings.postgres_url is None:
        return _embedded(settings).identity
    # A hash of the server alone: from one that includes a password, the password can be guessed.
    return hashlib.sha256(settings.postgres_url.shown.encode()).hexdigest()[:16]


def _embedded(settings: Settings) -> Server:
    """Return the embedded server of the home, running or not."""
    return Server(settings.home / "postgres", settings.home / "locks")


def reader(settings: Settings) -> tuple[str, str, Path]:
    """Return the embedded Postgres' role for reading marts, its password, and the password file."""
    passfile = _embedded(settings).passfile
    return roles.READER, roles.password(passfile, roles.READER), passfile


def socket(address: Address) -> Path:
    """Return the path of the Unix socket that an address names."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(address.reveal())
    return Path(str(parts["host"])) / f".s.PGSQL.{parts.get('port', 5432)}"


@contextmanager
def undisturbed(address: Address) -> Iterator[None]:
    """Keep the environment's settings for clients (PGSERVICE, PGTZ, …) from the embedded server.

    They are meant for another one, and not all can be overruled by an address.
    """
    names = [name for name in os.environ if name.startswith("PG")]
    is_ours = embedded.is_address(address.reveal())
    others = {name: os.environ.pop(name) for name in names} if is_ours else {}
    try:
        yield
    finally:
        os.environ.update(others)


@contextmanager
def connected(address: Address) -> Iterator[psycopg.Connection]:
    """Yield a connection. Raises PublishError, whose message repeats nothing that libpq says."""
    import psycopg

    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # the command reports errors
    try:
        # A pooler may give each transaction another session, which knows no prepared statement.
        with undisturbed(address):
            connection = psycopg.connect(
                limited(address).reveal(), prepare_threshold=None, client_encoding="utf8"
            )
    except psycopg.Error as error:
        reasons = (ours for theirs, ours in _REASONS.items() if theirs in str(error))
        raise PublishError(
            f"Postgres at {address} {next(reasons, 'does not answer')}",
            hint="is it running, and are the user and the password right?",
        ) from None
    with connection:
        yield connection


def use_formats(connection: psycopg.Connection[Any]) -> None:
    """Let values look the same in this transaction, whatever role, server and environment say.

    It ends with the transaction: behind a pooler, the session is somebody else's then.
    """
    connection.execute(_FORMATS)
