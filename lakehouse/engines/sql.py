"""SQL that engines share: a statement over its sources, cut to windows of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    from datetime import datetime

    import ibis
    import ibis.expr.datatypes as dt

    from lakehouse.catalogs import StoredTable
    from lakehouse.compile import Statement
    from lakehouse.engines import Source


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualified(table: str) -> str:
    """A `schema.table` as an SQL identifier."""
    return ".".join(map(quoted, table.split(".")))


def text(value: str) -> str:
    """A string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def columns(schema: ibis.Schema) -> str:
    """The columns of a table, to be selected in order."""
    return ", ".join(map(quoted, schema))


def covered(windows: Windows, column: str, schema: ibis.Schema, dialect: str) -> str:
    """The condition that `column` lies in one of the windows; a null lies in none."""
    name = quoted(column)
    if ALL_TIME in windows:
        return f"{name} IS NOT NULL"
    literal = _literal(schema, column, dialect)
    return " OR ".join(
        f"({name} >= {literal(window.start)} AND {name} < {literal(window.end)})"
        for window in windows
    )


def select(
    statement: Statement,
    sources: Sequence[Source],
    scan: Callable[[StoredTable, ibis.Schema], str],
    dialect: str,
    cut: Window = ALL_TIME,
) -> str:
    """One SELECT of the statement; sources with a time column are cut to the window."""
    named = [
        f"{quoted(source.name)} AS {_hint(dialect)}({_source(source, scan, dialect, cut)})"
        for source in sources
    ]
    return f"WITH {', '.join(named)} SELECT * FROM ({statement.sql}) AS model"


def sql_type(kind: dt.DataType, dialect: str) -> str:
    """The name that a type has in a dialect."""
    from ibis.backends.sql.datatypes import get_type_mapper

    return str(get_type_mapper(dialect).to_string(kind))


def typed(statement: str, schema: ibis.Schema, dialect: str) -> str:
    """The statement with every column cast to the type that its table stores."""
    casts = ", ".join(
        f"CAST({quoted(name)} AS {sql_type(kind, dialect)}) AS {quoted(name)}"
        for name, kind in schema.items()
    )
    return f"SELECT {casts} FROM ({statement}) AS typed"


def relation(source: Source, scan: Callable[[StoredTable, ibis.Schema], str], dialect: str) -> str:
    """The rows of a source, to stand after FROM."""
    if source.stored is not None:
        return scan(source.stored, source.schema)
    if source.view is not None:
        return f"({select(source.view, source.sources, scan, dialect)}) AS view_rows"
    return f"({nothing(source.schema, dialect)}) AS no_rows"


def _source(
    source: Source,
    scan: Callable[[StoredTable, ibis.Schema], str],
    dialect: str,
    cut: Window,
) -> str:
    statement = f"SELECT * FROM {relation(source, scan, dialect)}"
    if source.time_column is None or cut == ALL_TIME:
        return statement
    return f"{statement} WHERE {covered((cut,), source.time_column, source.schema, dialect)}"


def nothing(schema: ibis.Schema, dialect: str) -> str:
    """A SELECT of no rows with these columns."""
    nulls = ", ".join(f"NULL AS {quoted(name)}" for name in schema)
    return f"{typed(f'SELECT {nulls}', schema, dialect)} WHERE 1 = 0"


def _hint(dialect: str) -> str:
    # Materialising a source that is read twice would cost a copy of it, and the cut's pruning.
    return "NOT MATERIALIZED " if dialect == "duckdb" else ""


def _literal(schema: ibis.Schema, column: str, dialect: str) -> Callable[[datetime], str]:
    kind = schema[column]
    if kind.is_date():
        return lambda edge: f"DATE {text(edge.strftime('%Y-%m-%d'))}"
    stamp = "%Y-%m-%d %H:%M:%S.%f"
    if kind.timezone is None:
        return lambda edge: f"TIMESTAMP {text(edge.strftime(stamp))}"
    zoned = "TIMESTAMPTZ" if dialect == "duckdb" else "TIMESTAMP"
    return lambda edge: f"{zoned} {text(edge.strftime(stamp) + ' UTC')}"
