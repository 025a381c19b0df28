"""Where models are tried: an engine, and tables that stand for the parents of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pyarrow as pa

from lakehouse.engines.sql import quoted, typed
from lakehouse.errors import QueryError

if TYPE_CHECKING:
    import ibis

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[Row]
_GIVEN = "_given"


class Sandbox(Protocol):
    """An engine with tables that are made up."""

    @property
    def dialect(self) -> str:
        """The name that Ibis knows its SQL by."""
        ...

    def fill(self, name: str, schema: ibis.Schema, rows: pa.Table) -> None:
        """Make rows known by a name; columns that are left out are null, others are cast."""
        ...

    def relation(self, name: str) -> str:
        """What stands for a table after FROM."""
        ...

    def rows(self, sql: str) -> Rows:
        """The rows of a statement. Raises QueryError."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


class DuckDBSandbox:
    """A DuckDB in memory; implements `Sandbox`."""

    dialect = "duckdb"

    def __init__(self) -> None:
        from lakehouse.engines.duckdb import connect

        self._connection = connect(extensions=("icu",)).connection

    def fill(self, name: str, schema: ibis.Schema, rows: pa.Table) -> None:
        chosen = ", ".join(
            quoted(column) if column in rows.column_names else f"NULL AS {quoted(column)}"
            for column in schema
        )
        source = quoted(_GIVEN) if rows.column_names else "range(0)"
        if rows.column_names:
            self._connection.register(_GIVEN, rows)
        cast = typed(f"SELECT {chosen} FROM {source}", schema, self.dialect)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {cast}")

    def relation(self, name: str) -> str:
        # With its schema: a statement calls its own cut of the table by the bare name.
        return f"temp.{quoted(name)}"

    def rows(self, sql: str) -> Rows:
        rows: Rows = self.table(sql).to_pylist()
        return rows

    def table(self, sql: str) -> pa.Table:
        """The rows of a statement as an Arrow table."""
        import duckdb

        try:
            return self._connection.execute(sql).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(str(error).splitlines()[0]) from None

    def close(self) -> None:
        self._connection.close()
