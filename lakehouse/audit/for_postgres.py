"""Rows of marts that Postgres cannot hold, found before main moves: they stay out of Postgres.

Everything else is published. A run tells of these rows as of a failed check that does not block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

from lakehouse.audit.inquiry import Answers, Inquiry
from lakehouse.build.builds import source
from lakehouse.catalogs import StoredTable
from lakehouse.checks import sample_rows
from lakehouse.checks.result import CheckResult
from lakehouse.compile.compiler import ROWS, Compiled, Statement
from lakehouse.compile.postgres_types import holds
from lakehouse.engines import Engine, Question, Source
from lakehouse.engines.postgres_rows import unholdable
from lakehouse.engines.sql import identifier
from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

CHECK = "publication"
"""Name of the check in results, where others have that of their `@quality`."""


@dataclass(frozen=True)
class _Mart:
    """A mart that changed, and for each column the condition that Postgres cannot hold a value."""

    table: str
    source: Source
    window: Window
    problems: Mapping[str, str]
    key: Sequence[str]
    """Columns that identify a row, as far as that is known."""

    @property
    def count(self) -> Question:
        """The question how many rows there are, and how many break each condition."""
        counts = {ROWS: "count(*)"} | {
            f"{ROWS}_{place}": f"count_if({problem})"
            for place, problem in enumerate(self.problems.values())
        }
        values = ", ".join(f"{value} AS {name}" for name, value in counts.items())
        sql = f"SELECT {values} FROM {identifier(self.source.name)}"
        schema = ibis.schema(dict.fromkeys(counts, "int64"))
        return Question(Statement(sql, schema), [self.source], self.window)


def unholdable_rows(
    engine: Engine,
    compiled: Compiled,
    tables: Mapping[str, StoredTable],
    changed: Mapping[str, Windows],
) -> Inquiry:
    """Look in each mart with changed rows for columns that Postgres cannot hold.

    There is a result for each such column. `changed` are the windows to look at, by bare name of a
    table.
    """
    marts = list(_marts(compiled, tables, changed, engine.dialect))

    def conclude(counts: Answers) -> list[CheckResult]:
        return [
            _result(engine, mart, column, failures, rows)
            for mart, found in zip(marts, counts, strict=True)
            for rows, *of_columns in [found.values()]
            for column, failures in zip(mart.problems, of_columns, strict=True)
            if failures
        ]

    return Inquiry([mart.count for mart in marts], conclude)


def _marts(
    compiled: Compiled,
    tables: Mapping[str, StoredTable],
    changed: Mapping[str, Windows],
    dialect: str,
) -> Iterator[_Mart]:
    for name, spec in compiled.project.published.items():
        windows = changed.get(name, ())
        problems = unholdable(compiled.schemas[name], dialect)
        if not windows or not problems or spec.table not in tables:
            continue
        has_time = spec.time_column is not None
        window = Window(windows[0].start, windows[-1].end) if has_time else ALL_TIME
        key = compiled.project.key_of(name) or tuple(filter(None, [spec.time_column]))
        yield _Mart(spec.table, source(compiled, name, tables), window, problems, key)


def _result(engine: Engine, mart: _Mart, column: str, failures: int, rows: int) -> CheckResult:
    schema, dialect = mart.source.schema, engine.dialect
    table, condition = identifier(mart.source.name), mart.problems[column]
    # Python has no word for some values: it is given the text of all that are about time.
    values = ", ".join(
        f"CAST({identifier(name)} AS VARCHAR) AS {identifier(name)}"
        if schema[name].is_temporal()
        else identifier(name)
        for name in schema
    )
    shown = {name: "string" if kind.is_temporal() else kind for name, kind in schema.items()}
    few = Statement(
        f"SELECT {values} FROM {table} WHERE {condition} LIMIT {sample_rows.EXAMPLES}",
        ibis.schema(shown),
    )
    sql = f"SELECT * FROM {table} WHERE {condition}"
    return CheckResult(
        check=CHECK,
        table=mart.table,
        label=f"stays out of Postgres, which cannot hold {_what(schema[column])} {column!r}",
        blocking=False,
        passed=False,
        failures=failures,
        rows=rows,
        examples=sample_rows.examples(
            engine.rows(few, [mart.source], mart.window), (*mart.key, column)
        ),
        sql=sample_rows.readable(sql, {mart.source.name: mart.table}, dialect),
    )


def _what(kind: dt.DataType) -> str:
    """Return in words which values of a type Postgres has no place for."""
    if kind.is_json():
        return "NaN or infinity in"
    return "the character NUL in" if holds(kind, lambda part: part.is_string()) else "a day of"
