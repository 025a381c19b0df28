"""Nullability of a value, as far as its expression shows."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import ibis.expr.operations as ops


@singledispatch
def may_be_null(_value: Any) -> bool:
    """Return whether a value may be null; True for columns of stored tables and if unknown."""
    return True


@may_be_null.register
def _(value: ops.Literal) -> bool:
    return value.value is None


@may_be_null.register(ops.Count)
@may_be_null.register(ops.CountStar)
@may_be_null.register(ops.CountDistinct)
@may_be_null.register(ops.RankBase)
def _(_value: Any) -> bool:
    return False


@may_be_null.register
def _(value: ops.Coalesce) -> bool:
    return all(map(may_be_null, value.arg))


@may_be_null.register(ops.Greatest)
@may_be_null.register(ops.Least)
def _(value: Any) -> bool:
    return any(map(may_be_null, value.arg))


@may_be_null.register
def _(value: ops.IfElse) -> bool:
    return may_be_null(value.true_expr) or may_be_null(value.false_null_expr)


@may_be_null.register(ops.SearchedCase)
@may_be_null.register(ops.SimpleCase)
def _(value: Any) -> bool:
    return any(map(may_be_null, (*value.results, value.default)))


@may_be_null.register(ops.Cast)
@may_be_null.register(ops.Round)
@may_be_null.register(ops.Floor)
@may_be_null.register(ops.Ceil)
@may_be_null.register(ops.Abs)
@may_be_null.register(ops.Negate)
@may_be_null.register(ops.WindowFunction)
def _(value: Any) -> bool:
    return may_be_null(value.func if isinstance(value, ops.WindowFunction) else value.arg)


@may_be_null.register(ops.Add)
@may_be_null.register(ops.Subtract)
@may_be_null.register(ops.Multiply)
def _(value: Any) -> bool:
    return may_be_null(value.left) or may_be_null(value.right)


@may_be_null.register
def _(value: ops.Field) -> bool:
    table = value.rel
    if isinstance(table, ops.Project | ops.Aggregate):
        return may_be_null(table.values[value.name])
    if isinstance(table, ops.Filter | ops.Reference):
        return may_be_null(ops.Field(table.parent, value.name))
    return True
