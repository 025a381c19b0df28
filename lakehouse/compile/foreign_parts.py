"""Refuses what no engine could find: tables that are no parameters, and functions of Python."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.expr.operations.udf import InputType

from lakehouse.declare.project_code import place_of
from lakehouse.errors import ProjectError


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
        elif not isinstance(part, ops.UnboundTable) or part.name not in inputs:
            of = "holds rows of its own" if isinstance(part, ops.InMemoryTable) else "reads a table"
            raise ProjectError(
                f"{what} {of}, {part.name!r}, which is none of its parameters",
                hint="take tables as parameters; rows of your own come from an ingestion",
                place=place_of(function),
            )
