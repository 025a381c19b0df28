"""Sandbox for models: an engine with tables that stand for the parents of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pyarrow as pa

from lakehouse.engines.sql import identifier, typed
from lakehouse.errors import QueryError

if TYPE_CHECKING:
    import ibis

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[Row]
_GIVEN = "_given"
"""Name under which Arrow rows are registered with DuckDB."""


class Sandbox(Protocol):
    """An engine with made-up tables."""

    @property
    def dialect(self) -> str:
        """The name of the engine's SQL dialect in Ibis."""
        ...

    def fill(self, name: str, schema: ibis.Schema, rows: pa.Table) -> None:
        """Fill a table with rows, cast to `schema`; columns that they lack are null."""
        ...

    def relation(self, name: str) -> str:
        """Return the SQL that stands for a table after FROM."""
        ...

    def rows(self, sql: str) -> Rows:
        """Return the rows of a statement. Raises QueryError."""
        ...

    def close(self) -> None:
        """Remove all tables, and close the engine."""
        ...


class DuckDBSandbox:
    """A DuckDB in memory; implements `Sandbox`."""

    dialect = "duckdb"

    def __init__(self) -> None:
        from lakehouse.engines.duckdb import connect

        self._connection = connect(extensions=("icu",)).connection

    def fill(self, name: str, schema: ibis.Schema, rows: pa.Table) -> None:
        chosen = ", ".join(
            identifier(column) if column in rows.column_names else f"NULL AS {identifier(column)}"
            for column in schema
        )
        source = identifier(_GIVEN) if rows.column_names else "range(0)"
        if rows.column_names:
            self._connection.register(_GIVEN, rows)
        cast = typed(f"SELECT {chosen} FROM {source}", schema, self.dialect)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS {cast}")

    def relation(self, name: str) -> str:
        # Qualified by its schema: the bare name means the part that a statement cuts out.
        return f"temp.{identifier(name)}"

    def rows(self, sql: str) -> Rows:
        rows: Rows = self.table(sql).to_pylist()
        return rows

    def table(self, sql: str) -> pa.Table:
        """Return the rows of a statement as an Arrow table. Raises QueryError."""
        import duckdb

        try:
            return self._connection.execute(sql).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(str(error).splitlines()[0]) from None

    def close(self) -> None:
        self._connection.close()
