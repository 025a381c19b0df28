"""Operators: comparisons, arithmetic, casts and texts that are joined."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.backends.sql.datatypes import DuckDBType
from sqlglot import exp

from lakehouse.expressions import add_days
from lakehouse.sql_models import times
from lakehouse.sql_models.kinds_of_types import kind_of
from lakehouse.sql_models.literals import is_text
from lakehouse.sql_models.parsed import PYTHON, Node, shown

if TYPE_CHECKING:
    from lakehouse.sql_models.values import Values

COMPARED: Mapping[Any, Callable[[Any, Any], ir.Value]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
}
COMPUTED: Mapping[Any, Callable[[Any, Any], ir.Value]] = {
    exp.Add: lambda a, b: a + b,
    exp.Sub: lambda a, b: a - b,
    exp.Mul: lambda a, b: a * b,
    exp.Div: lambda a, b: a / b,
    exp.Mod: lambda a, b: a % b,
}


def compared(values: Values, node: Node) -> Any:
    """Return a comparison of two values that are alike; one with a null is null."""
    a, b = values.alike(node, *values.only(node, "this", "expression"))
    return compare(type(node), a, b)


def compare(kind: Any, a: Any, b: Any) -> Any:
    """Return a comparison: Ibis would take one with a null for the question if a value is null."""
    if any(isinstance(side.op(), ops.Literal) and side.op().value is None for side in (a, b)):
        return ibis.null("boolean")
    return COMPARED[kind](a, b)


def same(values: Values, node: Node) -> Any:
    """Return whether two values are equal, or both null; with `DISTINCT FROM`, whether they differ.

    What Ibis writes for `identical_to` lacks parentheses around a condition on its left.
    """
    a, b = values.alike(node, *values.only(node, "this", "expression"))
    is_same = compare(exp.EQ, a, b).fill_null(False) | (a.isnull() & b.isnull())
    return is_same if isinstance(node, exp.NullSafeEQ) else ~is_same


def computed(values: Values, node: Node) -> Any:
    """Return a sum, difference, product or quotient; days and intervals have their own rules."""
    kind = type(node)
    a, b = map(values, values.only(node, "this", "expression"))
    of_a, of_b = a.type(), b.type()
    if of_a.is_date() and of_b.is_integer() and kind in (exp.Add, exp.Sub):
        return values.selects.helped(add_days(a, b if kind is exp.Add else -b))
    if of_a.is_date() and of_b.is_date() and kind is exp.Sub:
        return a.delta(b, unit="day")
    plain = of_a.is_numeric() and of_b.is_numeric()
    moved = of_a.is_temporal() and of_b.is_interval() and kind in (exp.Add, exp.Sub)
    if not (plain or moved or of_a.is_null() or of_b.is_null()):
        raise values.text.error(
            f"{shown(node)} computes with {kind_of(of_a)} and {kind_of(of_b)}",
            node,
            hint=f"cast one of them; {PYTHON}",
        )
    return COMPUTED[kind](times.midnight(a) if moved else a, b)


def joined(values: Values, node: Node) -> Any:
    left, right = (values(part) for part in values.only(node, "this", "expression", "safe")[:2])
    if not (left.type().is_string() and right.type().is_string()):
        raise values.text.error(
            f"{shown(node)} joins {kind_of(left.type())} with {kind_of(right.type())}",
            node,
            hint="cast both to text",
        )
    return left + right


def cast(values: Values, node: Node) -> Any:
    this, to = values.only(node, "this", "to")
    kind = DuckDBType.to_ibis(to)
    if kind.is_timestamp():
        kind = kind.copy(scale=6)
    if is_text(this) and (kind.is_date() or kind.is_timestamp()):
        return times.moment(values, this, kind)
    value = values(this)
    if kind.is_date() and value.type().is_timestamp():
        return value.date()
    return value.try_cast(kind) if isinstance(node, exp.TryCast) else value.cast(kind)
