"""Queries to Postgres through Ibis' backend; importing this module loads Ibis.

All columns of the same name are kept, and so are instants that Python cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from ibis.backends.postgres import Backend
from psycopg import abc
from psycopg.adapt import Loader
from psycopg.pq import Format

from lakehouse.addresses import Address
from lakehouse.engines.python_rows import distinct
from lakehouse.errors import QueryError
from lakehouse.postgres import connected, locks, use_formats

_INSTANTS = ("date", "timestamp", "timestamptz")
_ONE_QUERY = "give one SELECT: `query` changes nothing"
_HINTS = {
    "42601": _ONE_QUERY,
    "0A000": _ONE_QUERY,
    "25006": _ONE_QUERY,
    locks.NOT_AVAILABLE: "somebody changes a table that it reads, and has not ended; ask later",
}
"""Hints by SQLSTATE, for statements that a cursor or a read-only transaction refuses."""


class Reader(Backend):  # type: ignore[misc]  # Ibis has no types
    """Ibis' backend over a connection; a statement has to be one query, whose rows are dicts.

    Postgres itself makes sure of that: a cursor of the server takes exactly one query.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__()
        # Not `from_connection`: it loads pandas (0.4 s), only to be able to send its missing dates.
        self.con = connection

    def raw_sql(self, query: str) -> psycopg.Cursor[dict[str, Any]]:
        """Run a query; return its cursor."""
        cursor = self.con.cursor("query", row_factory=_named_row)
        try:
            return cursor.execute(query)
        except BaseException:
            cursor.close()
            raise


def query(address: Address, sql: str) -> list[dict[str, Any]]:
    """Return the rows of one query. Raises QueryError, also for any other statement.

    A read-only transaction lets no function of the query change a table.
    """
    with connected(address) as connection:
        connection.read_only = True
        use_formats(connection)
        locks.limit_waits(connection)
        _keep_every_instant(connection)
        try:
            _give_up_power(connection)
            with Reader(connection).raw_sql(sql) as cursor:
                return cursor.fetchall()
        except psycopg.Error as error:
            reason = error.diag.message_primary or type(error).__name__
            hint = error.diag.message_hint or _HINTS.get(error.sqlstate or "", "")
            raise QueryError(f"Postgres: {reason}", hint=hint) from None


def _give_up_power(connection: psycopg.Connection[Any]) -> None:
    """Leave a superuser only the right to read tables.

    Otherwise a query could call functions that read files and run programs.
    """
    row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if row.fetchone() == (True,):
        connection.execute("SET LOCAL ROLE pg_read_all_data")


def _named_row(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """Row factory for psycopg: make a dict that has every column, also of repeated names."""
    names = distinct(column.name for column in cursor.description or ())
    return lambda values: dict(zip(names, values, strict=True))


def _keep_every_instant(connection: psycopg.Connection[Any]) -> None:
    """Read instants that Python cannot hold, such as infinity, as the text that Postgres sends."""

    def lenient(strict: type[abc.Loader]) -> type[Loader]:
        class Lenient(Loader):
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self._strict = strict(oid, context)

            def load(self, data: Any) -> Any:
                try:
                    return self._strict.load(data)
                except psycopg.DataError:
                    return bytes(data).decode()

        return Lenient

    for name in _INSTANTS:
        oid = connection.adapters.types[name].oid
        strict = connection.adapters.get_loader(oid, Format.TEXT)
        assert strict is not None
        connection.adapters.register_loader(oid, lenient(strict))
