"""Values that are written in a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
from sqlglot import exp

from lakehouse.sql_models.parsed import Node

if TYPE_CHECKING:
    from lakehouse.sql_models.values import Values

_INT32 = 2**31


def whole(node: Node) -> int | None:
    """Return a whole number that is written in the statement."""
    if isinstance(node, exp.Neg):
        number = whole(node.this)
        return None if number is None else -number
    is_whole = isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit()
    return int(node.this) if is_whole else None


def is_text(node: Any) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def number_or_text(_: Values, node: Node) -> Any:
    """Numbers with a point are floats, as in Python; SQL takes them for decimals."""
    if node.is_string:
        return ibis.literal(str(node.this))
    number = whole(node)
    return ibis.literal(float(node.this)) if number is None else _number(number)


def negative(values: Values, node: Node) -> Any:
    (part,) = values.only(node, "this")
    number = whole(node)
    if number is not None:
        return _number(number)
    if isinstance(part, exp.Literal) and not part.is_string:
        return ibis.literal(-float(part.this))
    return -values(part)


def _number(number: int) -> Any:
    """Return a whole number with the width that SQL gives it."""
    return ibis.literal(number, "int32" if -_INT32 <= number < _INT32 else "int64")
