"""What makes a value of a part of a statement, by the class that sqlglot gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ibis
from sqlglot import exp

from lakehouse.expressions import INSTANT
from lakehouse.sql_models import aggregates, conditions, literals, operators, times, windows
from lakehouse.sql_models.functions import AGGREGATES, SCALARS
from lakehouse.sql_models.parsed import Node

if TYPE_CHECKING:
    from lakehouse.sql_models.values import Values


def _trim(values: Values, node: Node) -> Any:
    this, position = values.only(node, "this", "position")
    pattern = {"LEADING": "^ +", "TRAILING": " +$"}.get(position or "", "^ +| +$")
    return values(this).re_replace(pattern, "")


def _called(values: Values, node: Node) -> Any:
    name, arguments = node.name.lower(), node.expressions
    if name == "now" and not arguments:
        return ibis.now().cast(INSTANT)
    if name == "mean" and len(arguments) == 1:
        return values(exp.Avg(this=arguments[0]))
    raise values.refused(node)


def _scalar_subquery(values: Values, node: Node) -> Any:
    table = values.selects.query(node)
    return table.select(table.columns[0]).as_scalar()


def _function(values: Values, node: Node) -> Any:
    function = SCALARS[type(node)]
    return function.make(*values.arguments(node, function.parts))


MAKERS: Mapping[Any, Callable[[Values, Any], Any]] = {
    **dict.fromkeys(operators.COMPARED, operators.compared),
    **dict.fromkeys(operators.COMPUTED, operators.computed),
    **dict.fromkeys(SCALARS, _function),
    **dict.fromkeys((*AGGREGATES, exp.Count), aggregates.aggregate),
    exp.Column: lambda values, node: values.column(node),
    exp.Paren: lambda values, node: values(node.this),
    exp.Literal: literals.number_or_text,
    exp.Boolean: lambda _, node: ibis.literal(bool(node.this)),
    exp.Null: lambda *_: ibis.null(),
    exp.Neg: literals.negative,
    exp.And: conditions.both,
    exp.Or: conditions.both,
    exp.Not: conditions.not_,
    exp.Is: conditions.is_,
    exp.NullSafeEQ: operators.same,
    exp.NullSafeNEQ: operators.same,
    exp.Between: conditions.between,
    exp.In: conditions.in_,
    exp.ILike: conditions.like,
    exp.Like: conditions.like,
    exp.Case: conditions.case,
    exp.Coalesce: conditions.coalesce,
    exp.Greatest: conditions.extreme,
    exp.Least: conditions.extreme,
    exp.DPipe: operators.joined,
    exp.Cast: operators.cast,
    exp.TryCast: operators.cast,
    exp.Interval: times.interval,
    exp.Extract: times.part,
    exp.TimestampTrunc: times.truncated,
    exp.DateTrunc: times.truncated,
    exp.DateDiff: times.difference,
    exp.AtTimeZone: times.at_zone,
    exp.Trim: _trim,
    exp.CountIf: aggregates.counted_if,
    exp.IgnoreNulls: aggregates.ignoring_nulls,
    exp.Anonymous: _called,
    exp.Filter: aggregates.filtered,
    exp.Window: windows.over,
    exp.Subquery: _scalar_subquery,
}
"""All that a SELECT can be made of."""
