"""Conditions, and what chooses between values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
from sqlglot import exp

from lakehouse.sql_models.kinds_of_types import kind_of
from lakehouse.sql_models.literals import is_text
from lakehouse.sql_models.operators import compare
from lakehouse.sql_models.parsed import Node, shown

if TYPE_CHECKING:
    from lakehouse.sql_models.values import Values


def both(values: Values, node: Node) -> Any:
    left, right = (values(part) for part in values.only(node, "this", "expression"))
    for part, value in zip((node.this, node.expression), (left, right), strict=True):
        if not (value.type().is_boolean() or value.type().is_null()):
            raise values.text.error(
                f"{shown(part)} is {kind_of(value.type())}, no condition", part, hint="compare it"
            )
    return left & right if isinstance(node, exp.And) else left | right


def not_(values: Values, node: Node) -> Any:
    (part,) = values.only(node, "this")
    return ~values(part)


def is_(values: Values, node: Node) -> Any:
    this, other, negate = values.only(node, "this", "expression", "negate")
    if isinstance(other, exp.Null):
        found = values(this).isnull()
    elif isinstance(other, exp.Boolean):
        value = values(this)
        found = (value if other.this else ~value).fill_null(False)
    else:
        raise values.refused(node)
    return ~found if negate else found


def between(values: Values, node: Node) -> Any:
    *parts, negate = values.only(node, "this", "low", "high", "negate")
    value, low, high = values.alike(node, *parts)
    inside = (value >= low) & (value <= high)
    return ~inside if negate else inside


def in_(values: Values, node: Node) -> Any:
    this, query, listed, negate = values.only(node, "this", "query", "expressions", "negate")
    if query is not None:
        table = values.selects.query(query)
        found = values(this).isin(table[table.columns[0]])
    else:
        value, *options = values.alike(node, this, *(listed or []))
        found = value.isin(options)
    return ~found if negate else found


def like(values: Values, node: Node) -> Any:
    this, pattern, negate = values.only(node, "this", "expression", "negate")
    if not is_text(pattern):
        raise values.refused(node, "write the pattern as a text")
    text = str(pattern.this)
    made = values(this)
    found = made.ilike(text) if isinstance(node, exp.ILike) else made.like(text)
    return ~found if negate else found


def case(values: Values, node: Node) -> Any:
    of, ifs, default = values.only(node, "this", "ifs", "default")
    results = [case.args["true"] for case in ifs] + ([default] if default is not None else [])
    made = values.alike(node, *results)
    tests = [values(case.this) if of is None else values.alike(node, of, case.this) for case in ifs]
    pairs = [
        (test if of is None else compare(exp.EQ, *test), result)
        for test, result in zip(tests, made, strict=False)
    ]
    return ibis.cases(*pairs, else_=made[-1] if default is not None else None)


def coalesce(values: Values, node: Node) -> Any:
    this, others = values.only(node, "this", "expressions")
    return ibis.coalesce(*values.alike(node, this, *(others or [])))


def extreme(values: Values, node: Node) -> Any:
    this, others, _ = values.only(node, "this", "expressions", "ignore_nulls")
    made = values.alike(node, this, *(others or []))
    return ibis.greatest(*made) if isinstance(node, exp.Greatest) else ibis.least(*made)
