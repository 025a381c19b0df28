"""SQL that all engines share: quoting, conditions on time and keys, statements over sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from lakehouse.declare.raw_columns import GONE_AT, MARKS
from lakehouse.keys import Keys, Value
from lakehouse.patches.ibis_trino_times import six_digits
from lakehouse.table_names import name_of, schema_of
from lakehouse.windows import ALL_TIME, Window, Windows, union

if TYPE_CHECKING:
    from datetime import datetime

    import ibis
    import ibis.expr.datatypes as dt

    from lakehouse.catalogs import StoredTable
    from lakehouse.compile.compiler import Statement
    from lakehouse.engines import Question, Source

COMMON_TYPES = {
    "duckdb": {
        "boolean": "BOOLEAN",
        "int8": "TINYINT",
        "int32": "INT",
        "int64": "BIGINT",
        "float64": "DOUBLE",
        "string": "TEXT",
        "date": "DATE",
        "timestamp(6)": "TIMESTAMP(6)",
        "timestamp('UTC', 6)": "TIMESTAMPTZ",
    }
}
"""Names of types as Ibis writes them, by dialect: to ask it takes 50 ms, the first time."""


def identifier(name: str) -> str:
    """Quote a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualified(table: str) -> str:
    """Quote a `schema.table` as an SQL identifier."""
    return f"{identifier(schema_of(table))}.{identifier(name_of(table))}"


def literal(value: str) -> str:
    """Quote a string as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def path_literal(path: str) -> str:
    """Quote a path as an SQL literal, with `*`, `?` and `[` escaped, which DuckDB would expand."""
    return literal(re.sub(r"[*?[]", r"[\g<0>]", path))


def columns(schema: ibis.Schema) -> str:
    """The columns of a table, in order, to stand after SELECT."""
    return ", ".join(map(identifier, schema))


def where(
    windows: Windows,
    keys: Keys | None,
    time_column: str | None,
    schema: ibis.Schema,
    dialect: str,
) -> str:
    """The SQL condition that a row lies in one of the windows and has one of the keys.

    Without a `time_column`, windows are ignored; without keys, rows of any key are meant.
    """
    parts = []
    if time_column is not None:
        parts.append(covered(windows, time_column, schema, dialect))
    if keys is not None:
        is_list = dialect == "duckdb" and _fit_a_list(keys, schema)
        parts.append(_in_a_list(keys) if is_list else having(keys))
    return " AND ".join(f"({part})" for part in parts) or "1 = 1"


def having(keys: Keys) -> str:
    """The SQL condition that a row has one of the keys; null equals null here."""
    if len(keys.columns) > 1:
        return " OR ".join(
            f"({' AND '.join(map(_equal, keys.columns, values))})" for values in _sorted(keys)
        )
    name = identifier(keys.columns[0])
    values = [value for (value,) in _sorted(keys)]
    listed = ", ".join(_value(value) for value in values if value is not None)
    parts = [f"{name} IN ({listed})"] if listed else []
    return " OR ".join([*parts, f"{name} IS NULL"] if None in values else parts)


def _fit_a_list(keys: Keys, schema: ibis.Schema) -> bool:
    """Return whether there are several keys, of the types of their columns: lists cast nothing."""
    return len(keys.values) > 1 and all(
        _is_of(value, schema[name])
        for key in keys.values
        for name, value in zip(keys.columns, key, strict=True)
    )


def _is_of(value: Value, kind: dt.DataType) -> bool:
    if kind.is_string():
        return value is None or isinstance(value, str)
    return kind.is_integer() and (value is None or type(value) is int)


def _in_a_list(keys: Keys) -> str:
    """Return `having` of several keys as one call of a function, for DuckDB.

    It copies a condition on its way down a plan, twice at each window: of a hundred keys in `IN`,
    that took seconds. Files and groups of rows are skipped by the least and the greatest value.
    """
    if len(keys.columns) > 1:
        listed = ", ".join(_struct(keys.columns, map(_value, key)) for key in _sorted(keys))
        columns = _struct(keys.columns, map(identifier, keys.columns))
        return f"list_contains([{listed}], {columns})"
    name = identifier(keys.columns[0])
    values = [value for (value,) in _sorted(keys) if value is not None]
    least, greatest = _value(min(values)), _value(max(values))
    listed = ", ".join(map(_value, values))
    part = f"{name} BETWEEN {least} AND {greatest} AND list_contains([{listed}], {name})"
    return part if len(values) == len(keys.values) else f"({part}) OR {name} IS NULL"


def _struct(names: Iterable[str], values: Iterable[str]) -> str:
    pairs = (f"{literal(name)}: {value}" for name, value in zip(names, values, strict=True))
    return f"{{{', '.join(pairs)}}}"


def covered(windows: Windows, column: str, schema: ibis.Schema, dialect: str) -> str:
    """The SQL condition that `column` lies in one of the windows; null lies in none."""
    name = identifier(column)
    if ALL_TIME in windows:
        return f"{name} IS NOT NULL"
    instant = _instant_literal(schema, column, dialect)
    if schema[column].is_date():
        windows = union(window.snap("day") for window in windows)
    return " OR ".join(
        f"({name} >= {instant(window.start)} AND {name} < {instant(window.end)})"
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
    """One SELECT: the sources as CTEs, then the statement.

    A source that has a time column is cut to the window; one that has the key columns is cut to
    the keys.
    """
    hint = _hint(dialect)
    named = [
        f"{identifier(source.name)} AS {hint}({_source(source, scan, dialect, cut, keys)})"
        for source in sources
    ]
    ctes = f"WITH {', '.join(named)} " if named else ""
    return f"{ctes}SELECT * FROM ({statement.sql}) AS model"


def in_batches(questions: Sequence[Question], most: int) -> list[Sequence[Question]]:
    """Divide questions among as few statements as can be, of about the same size."""
    number = -(-len(questions) // most)
    bounds = [len(questions) * place // number for place in range(number + 1)] if number else []
    return [questions[start:end] for start, end in pairwise(bounds)]


def side_by_side(
    questions: Iterable[Question],
    scan: Callable[[StoredTable, ibis.Schema], str],
    dialect: str,
) -> str:
    """One SELECT that joins the single rows of several questions into one row."""
    names, rows = [], []
    for place, question in enumerate(questions):
        alias = f"asked_{place}"
        names += [
            f"CAST({alias}.{identifier(name)} AS BIGINT) AS {identifier(f'{place}.{name}')}"
            for name in question.statement.schema
        ]
        sql = select(question.statement, question.sources, scan, dialect, question.cut)
        rows.append(f"({sql}) AS {alias}")
    return f"SELECT {', '.join(names)} FROM {' CROSS JOIN '.join(rows)}"


def by_question(questions: Iterable[Question], row: Iterable[int | None]) -> list[dict[str, int]]:
    """Split the row of `side_by_side` into the counts of each question, by column; null as 0."""
    values = iter(row)
    schemas = (question.statement.schema for question in questions)
    return [{name: next(values) or 0 for name in schema} for schema in schemas]


@cache
def sql_type(kind: dt.DataType, dialect: str) -> str:
    """The name of a type in an SQL dialect."""
    known = COMMON_TYPES.get(dialect, {}).get(str(kind))
    if known is not None:
        return known
    from ibis.backends.sql.datatypes import get_type_mapper

    six_digits()
    return str(get_type_mapper(dialect).to_string(kind))


def typed(statement: str, schema: ibis.Schema, dialect: str) -> str:
    """The statement with every column cast to the type that its table stores."""
    casts = ", ".join(
        f"CAST({identifier(name)} AS {sql_type(kind, dialect)}) AS {identifier(name)}"
        for name, kind in schema.items()
    )
    return f"SELECT {casts} FROM ({statement}) AS typed"


def relation(source: Source, scan: Callable[[StoredTable, ibis.Schema], str], dialect: str) -> str:
    """The SQL of the rows of a source, to stand after FROM."""
    if source.stored is not None:
        rows = scan(source.stored, source.schema)
        if not source.hides_gone:
            return rows
        names = ", ".join(identifier(name) for name in source.stored.columns if name not in MARKS)
        return f"(SELECT {names} FROM {rows} WHERE {GONE_AT} IS NULL) AS rows_there"
    if source.view is not None:
        return f"({select(source.view, source.sources, scan, dialect)}) AS view_rows"
    return f"({empty_relation(source.schema, dialect)}) AS no_rows"


def _source(
    source: Source,
    scan: Callable[[StoredTable, ibis.Schema], str],
    dialect: str,
    cut: Window,
    keys: Keys | None,
) -> str:
    statement = f"SELECT * FROM {relation(source, scan, dialect)}"
    has_keys = keys is not None and set(keys.columns) <= set(source.schema)
    column = None if cut == ALL_TIME else source.time_column
    if not has_keys and column is None:
        return statement
    condition = where((cut,), keys if has_keys else None, column, source.schema, dialect)
    return f"{statement} WHERE {condition}"


def empty_relation(schema: ibis.Schema, dialect: str) -> str:
    """A SELECT of no rows with these columns."""
    nulls = ", ".join(f"NULL AS {identifier(name)}" for name in schema)
    return f"{typed(f'SELECT {nulls}', schema, dialect)} WHERE 1 = 0"


def _hint(dialect: str) -> str:
    # By default, DuckDB materialises a source that is read twice: it copies all of its rows, and
    # does not skip the files outside the window.
    return "NOT MATERIALIZED " if dialect == "duckdb" else ""


def _sorted(keys: Keys) -> list[tuple[Value, ...]]:
    return sorted(keys.values, key=repr)


def _equal(column: str, value: Value) -> str:
    return f"{identifier(column)} {'IS NULL' if value is None else f'= {_value(value)}'}"


def _value(value: Value) -> str:
    if value is None:
        return "NULL"
    return literal(value) if isinstance(value, str) else str(value)


def _instant_literal(schema: ibis.Schema, column: str, dialect: str) -> Callable[[datetime], str]:
    kind = schema[column]
    if kind.is_date():
        return lambda edge: f"DATE {literal(edge.strftime('%Y-%m-%d'))}"
    stamp = "%Y-%m-%d %H:%M:%S.%f"
    if kind.timezone is None:
        return lambda edge: f"TIMESTAMP {literal(edge.strftime(stamp))}"
    zoned = "TIMESTAMP" if dialect == "trino" else "TIMESTAMPTZ"
    return lambda edge: f"{zoned} {literal(edge.strftime(stamp) + ' UTC')}"
