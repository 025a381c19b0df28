"""Refuses what no engine could run: tables that are no parameters, many rows, Python functions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa
from ibis.expr.operations.udf import InputType

from lakehouse.declare.project_code import place_of
from lakehouse.errors import ProjectError

_MOST_ROWS = 1000
"""Rows of a memtable, at most: SQL of a thousand takes half a second to compile."""


def require_inputs(
    what: str, function: Callable[..., Any], expression: ir.Table, inputs: Collection[str]
) -> None:
    """Raise ProjectError if an expression reads anything but the tables that `inputs` name."""
    for part in expression.op().find((ops.PhysicalTable, ops.ScalarUDF, ops.AggUDF)):
        if isinstance(part, ops.ScalarUDF | ops.AggUDF):
            if part.__input_type__ is not InputType.BUILTIN:
                raise ProjectError(
                    f"{what} calls the Python function {part.__func_name__!r}, which runs on no"
                    " engine",
                    hint="write it as an expression of Ibis, or do it in an ingestion",
                    place=place_of(function),
                )
        elif isinstance(part, ops.InMemoryTable):
            _require_few(what, function, part)
        elif not isinstance(part, ops.UnboundTable) or part.name not in inputs:
            raise ProjectError(
                f"{what} reads a table, {part.name!r}, which is none of its parameters",
                hint="take tables as parameters; rows of your own are an `ibis.memtable(…)`",
                place=place_of(function),
            )


def _require_few(what: str, function: Callable[..., Any], rows: ops.InMemoryTable) -> None:
    count = len(pa.table(rows.data.obj))
    if count > _MOST_ROWS:
        raise ProjectError(
            f"{what} has {count} rows in its code, and {_MOST_ROWS} are the most, as each is a part"
            " of its SQL",
            hint="let an ingestion fetch them",
            place=place_of(function),
        )
