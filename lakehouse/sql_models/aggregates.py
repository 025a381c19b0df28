"""Aggregates: functions of many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir
from sqlglot import exp

from lakehouse.sql_models.functions import AGGREGATES
from lakehouse.sql_models.parsed import Node

if TYPE_CHECKING:
    from lakehouse.sql_models.values import Values


def aggregate(values: Values, node: Node, where: Any = None) -> Any:
    """Return an aggregate, of those rows for which `where` is true if it is given."""
    if isinstance(node, exp.Count):
        (counted,) = values.only(node, "this")
        if isinstance(counted, exp.Star) or counted is None:
            return values.scope.table.count(where=where)
        if isinstance(counted, exp.Distinct):
            return values(_one(values, counted)).nunique(where=where)
        value = values(counted)
        is_written = isinstance(value, ir.Scalar) and not isinstance(counted, exp.Null)
        return (values.scope.table if is_written else value).count(where=where)
    function = AGGREGATES[type(node)]
    parts = values.only(node, *function.parts)
    if any(isinstance(part, exp.Distinct | exp.Order) for part in parts):
        raise values.refused(node)
    arguments = [values(part) for part in parts if part is not None]
    if any(isinstance(argument, ir.Scalar) for argument in arguments):
        raise values.refused(node, "aggregate a column; count(*) counts the rows")
    return function.make(*arguments, where)


def _one(values: Values, distinct: Node) -> Node:
    values.only(distinct, "expressions")
    if len(distinct.expressions) != 1:
        raise values.refused(distinct)
    part: Node = distinct.expressions[0]
    return part


def counted_if(values: Values, node: Node) -> Any:
    (condition,) = values.only(node, "this")
    return values.scope.table.count(where=values(condition))


def ignoring_nulls(values: Values, node: Node) -> Any:
    """Sqlglot writes `any_value(x)`, which ignores nulls, so."""
    if not isinstance(node.this, exp.AnyValue):
        raise values.refused(node)
    return aggregate(values, node.this, None)


def filtered(values: Values, node: Node) -> Any:
    this, where = values.only(node, "this", "expression")
    this = this.this if isinstance(this, exp.IgnoreNulls) else this
    if not isinstance(this, (*AGGREGATES, exp.Count)):
        raise values.refused(node)
    return aggregate(values, this, values(where.this))
