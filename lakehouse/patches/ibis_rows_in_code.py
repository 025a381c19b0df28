"""Rows that stand in the code of a model, `ibis.memtable(…)`, as values in its SQL.

Ibis writes the name of a table instead, and sends the rows to the engine by itself before it runs
the SQL: to Trino with one INSERT for each row. SQL that is compiled ahead has to hold them.

Gain: none in time. Without it a model cannot have rows of its own. Seen with Ibis 12.0.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.schema as sch
import pyarrow as pa
from ibis.backends.sql.compilers.base import SQLGlotCompiler
from ibis.common.collections import FrozenDict
from sqlglot import expressions as sge

_ALIAS = "rows_in_code"
_INFINITE: Mapping[str | None, str] = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
"""Words of SQL for floats that are not finite, by those of Python."""


class RowsInCode(ops.Relation):  # type: ignore[misc]
    """Rows that are written into the SQL: a literal for each value, row after row."""

    rows: tuple[tuple[ops.Literal, ...], ...]
    schema: sch.Schema
    values = FrozenDict()


def in_code(table: ops.InMemoryTable) -> RowsInCode:
    """Return the rows of a memtable as values of the SQL."""
    # Ibis' own conversion fails for a decimal that is null.
    values = pa.table(table.data.obj)
    columns = [
        [_literal(value, kind) for value in column.to_pylist()]
        for column, kind in zip(values.columns, table.schema.types, strict=True)
    ]
    return RowsInCode(tuple(zip(*columns, strict=True)), table.schema)


def _literal(value: Any, kind: dt.DataType) -> ops.Literal:
    """Return a value as a literal; text where engines read that most exactly."""
    if kind.is_floating() or kind.is_timestamp() or kind.is_date() or kind.is_time():
        kind, value = dt.string, None if value is None else str(value)
        value = _INFINITE.get(value, value)
    return ibis.literal(value, dt.string if kind.is_null() else kind).op()


def _visit(
    compiler: SQLGlotCompiler,
    _: RowsInCode,
    *,
    rows: tuple[tuple[Any, ...], ...],
    schema: sch.Schema,
) -> Any:
    columns = [sge.to_identifier(name, quoted=True) for name in schema]
    written = [
        sge.Tuple(expressions=[value.copy() for value in row])
        for row in rows or ((sge.null(),) * len(schema),)
    ]
    alias = sge.TableAlias(this=sge.to_identifier(_ALIAS), columns=columns)
    typed = [
        compiler.cast(sge.column(name.copy()), _stored(kind)).as_(name.copy())
        for name, kind in zip(columns, schema.types, strict=True)
    ]
    select = sge.select(*typed).from_(sge.Values(expressions=written, alias=alias))
    return select if rows else select.where(sge.false())


def _stored(kind: dt.DataType) -> dt.DataType:
    """Return the type of a column in SQL: a bare timestamp would have milliseconds on Trino."""
    if kind.is_null():
        return dt.string
    return kind.copy(scale=6) if kind.is_timestamp() and kind.scale is None else kind


SQLGlotCompiler.visit_RowsInCode = _visit
