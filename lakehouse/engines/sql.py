"""SQL that engines share: a statement over its sources, cut to windows of time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lakehouse.keys import Keys, Value
from lakehouse.windows import ALL_TIME, Window, Windows, union

if TYPE_CHECKING:
    from datetime import datetime

    import ibis
    import ibis.expr.datatypes as dt

    from lakehouse.catalogs import StoredTable
    from lakehouse.compile import Statement
    from lakehouse.engines import Load, Question, Source


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualified(table: str) -> str:
    """A `schema.table` as an SQL identifier."""
    return ".".join(map(quoted, table.split(".")))


def text(value: str) -> str:
    """A string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def path_text(path: str) -> str:
    """A path as an SQL literal that means this file alone to DuckDB, which expands `*?[` in it."""
    return text(re.sub(r"[*?[]", r"[\g<0>]", path))


def columns(schema: ibis.Schema) -> str:
    """The columns of a table, to be selected in order."""
    return ", ".join(map(quoted, schema))


def where(
    windows: Windows,
    keys: Keys | None,
    time_column: str | None,
    schema: ibis.Schema,
    dialect: str,
) -> str:
    """The condition that a row lies in one of the windows and has one of the keys."""
    parts = []
    if time_column is not None:
        parts.append(covered(windows, time_column, schema, dialect))
    if keys is not None:
        parts.append(having(keys))
    return " AND ".join(f"({part})" for part in parts) or "1 = 1"


def having(keys: Keys) -> str:
    """The condition that a row has one of the keys; null is a value like any other."""
    if len(keys.columns) > 1:
        return " OR ".join(
            f"({' AND '.join(map(_equal, keys.columns, values))})" for values in _sorted(keys)
        )
    name = quoted(keys.columns[0])
    values = [value for (value,) in _sorted(keys)]
    listed = ", ".join(_value(value) for value in values if value is not None)
    parts = [f"{name} IN ({listed})"] if listed else []
    return " OR ".join([*parts, f"{name} IS NULL"] if None in values else parts)


def covered(windows: Windows, column: str, schema: ibis.Schema, dialect: str) -> str:
    """The condition that `column` lies in one of the windows; a null lies in none."""
    name = quoted(column)
    if ALL_TIME in windows:
        return f"{name} IS NOT NULL"
    literal = _literal(schema, column, dialect)
    if schema[column].is_date():
        windows = union(window.snap("day") for window in windows)
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
    keys: Keys | None = None,
) -> str:
    """One SELECT of the statement; sources are cut to the window and the keys they have."""
    named = [
        f"{quoted(source.name)} AS {_hint(dialect)}({_source(source, scan, dialect, cut, keys)})"
        for source in sources
    ]
    within = f"WITH {', '.join(named)} " if named else ""
    return f"{within}SELECT * FROM ({statement.sql}) AS model"


def side_by_side(
    questions: Iterable[Question],
    scan: Callable[[StoredTable, ibis.Schema], str],
    dialect: str,
) -> str:
    """One SELECT of the single rows of several questions."""
    names, rows = [], []
    for place, asked in enumerate(questions):
        one = f"asked_{place}"
        names += [
            f"CAST({one}.{quoted(name)} AS BIGINT) AS {quoted(f'{place}.{name}')}"
            for name in asked.statement.schema
        ]
        sql = select(asked.statement, asked.sources, scan, dialect, asked.cut)
        rows.append(f"({sql}) AS {one}")
    return f"SELECT {', '.join(names)} FROM {' CROSS JOIN '.join(rows)}"


def by_question(questions: Iterable[Question], row: Iterable[int | None]) -> list[dict[str, int]]:
    """What `side_by_side` found, taken apart."""
    values = iter(row)
    return [{name: next(values) or 0 for name in asked.statement.schema} for asked in questions]


@cache
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


def changed(load: Load, scan: Callable[[StoredTable, ibis.Schema], str], dialect: str) -> str:
    """The SELECT of the rows of a table that changed."""
    source, windows = load.source, load.changed.windows
    column = None if ALL_TIME in windows else source.time_column
    inside = where(windows, load.changed.keys, column, source.schema, dialect)
    return f"SELECT {columns(source.schema)} FROM {relation(source, scan, dialect)} WHERE {inside}"


def _source(
    source: Source,
    scan: Callable[[StoredTable, ibis.Schema], str],
    dialect: str,
    cut: Window,
    keys: Keys | None,
) -> str:
    statement = f"SELECT * FROM {relation(source, scan, dialect)}"
    told = keys if keys is not None and set(keys.columns) <= set(source.schema) else None
    column = None if cut == ALL_TIME else source.time_column
    if told is None and column is None:
        return statement
    return f"{statement} WHERE {where((cut,), told, column, source.schema, dialect)}"


def nothing(schema: ibis.Schema, dialect: str) -> str:
    """A SELECT of no rows with these columns."""
    nulls = ", ".join(f"NULL AS {quoted(name)}" for name in schema)
    return f"{typed(f'SELECT {nulls}', schema, dialect)} WHERE 1 = 0"


def _hint(dialect: str) -> str:
    # Materialising a source that is read twice would cost a copy of it, and the cut's pruning.
    return "NOT MATERIALIZED " if dialect == "duckdb" else ""


def _sorted(keys: Keys) -> list[tuple[Value, ...]]:
    return sorted(keys.values, key=repr)


def _equal(column: str, value: Value) -> str:
    return f"{quoted(column)} {'IS NULL' if value is None else f'= {_value(value)}'}"


def _value(value: Value) -> str:
    return text(value) if isinstance(value, str) else str(value)


def _literal(schema: ibis.Schema, column: str, dialect: str) -> Callable[[datetime], str]:
    kind = schema[column]
    if kind.is_date():
        return lambda edge: f"DATE {text(edge.strftime('%Y-%m-%d'))}"
    stamp = "%Y-%m-%d %H:%M:%S.%f"
    if kind.timezone is None:
        return lambda edge: f"TIMESTAMP {text(edge.strftime(stamp))}"
    zoned = "TIMESTAMPTZ" if dialect == "duckdb" else "TIMESTAMP"
    return lambda edge: f"{zoned} {text(edge.strftime(stamp) + ' UTC')}"
