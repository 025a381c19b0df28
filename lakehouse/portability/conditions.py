"""Conditions under which an operation is a trap; each is called with it and the declared keys.

Conditions that need an explanation have one; `traps` says what is wrong with the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from lakehouse.portability.order import Keys, distinguishes, is_total

Declared: TypeAlias = Mapping[str, Keys]
"""The known keys of tables, by bare name."""


def always(_node: Any, _declared: Declared) -> bool:
    """Return True: every use of the operation is a trap."""
    return True


def _is_narrow(kind: dt.DataType) -> bool:
    """Return whether a type holds whole numbers of less than 32 bits, or unsigned ones."""
    while isinstance(kind, dt.Array):
        kind = kind.value_type
    if not kind.is_integer():
        return False
    return bool(kind.is_unsigned_integer() or kind.nbytes < dt.int32.nbytes)


def computes_narrowly(node: ops.Binary, _: Declared) -> bool:
    return any(
        _is_narrow(side.dtype) and not isinstance(side, ops.Literal)
        for side in (node.left, node.right)
    )


def becomes_narrow(node: ops.Value, _: Declared) -> bool:
    return _is_narrow(node.dtype)


def drops_a_zone(node: ops.Cast, _: Declared) -> bool:
    before, after = node.arg.dtype, node.to
    if not after.is_timestamp():
        return False
    zone = before.timezone if before.is_timestamp() else None
    return zone != after.timezone if before.is_timestamp() else after.timezone is not None


def reads_text(node: ops.Cast, _: Declared) -> bool:
    return bool(node.arg.dtype.is_string() and not node.to.is_string())


def shows_as_text(node: ops.Cast, _: Declared) -> bool:
    shown = node.arg.dtype
    return bool(node.to.is_string() and (shown.is_timestamp() or shown.is_floating()))


APPROXIMATE = (
    ops.ApproxQuantile,
    ops.ApproxMultiQuantile,
    ops.ApproxMedian,
    ops.ApproxCountDistinct,
)


def is_exact(node: ops.Node, _: Declared) -> bool:
    return not isinstance(node, APPROXIMATE)


def of_floats(node: ops.Comparison, _: Declared) -> bool:
    return bool(node.left.dtype.is_floating() or node.right.dtype.is_floating())


def by_floats(node: ops.Aggregate, _: Declared) -> bool:
    return any(value.dtype.is_floating() for value in node.groups.values())


def counts_floats(node: ops.CountDistinct, _: Declared) -> bool:
    return bool(node.arg.dtype.is_floating())


_DEPENDS_ON_TIES = (
    ops.RowNumber,
    ops.NTile,
    ops.Lag,
    ops.Lead,
    ops.First,
    ops.Last,
    ops.NthValue,
)
"""Window functions whose result depends on the order of rows that are equal in the order."""


def has_ties(node: ops.WindowFunction, declared: Declared) -> bool:
    unbounded = node.start is None and node.end is None
    by_rows = node.how == "rows" and node.order_by and not unbounded
    if not (isinstance(node.func, _DEPENDS_ON_TIES) or by_rows):
        return False
    return not node.order_by or not is_total(node, declared)


def takes_any(node: ops.Limit, _: Declared) -> bool:
    return not isinstance(node.parent, ops.Sort)


def is_without_order(node: Any, _: Declared) -> bool:
    return not node.order_by


_COUNT_NULLS = (ops.First, ops.Last, ops.Arbitrary, ops.ArrayCollect, ops.GroupConcat, ops.Mode)
"""Aggregates whose condition cannot be put inside: they see nulls, or order their values."""


def is_filtered_or_distinct(node: ops.WindowFunction, _: Declared) -> bool:
    function = node.func
    return isinstance(function, ops.CountDistinct | ops.CountDistinctStar) or (
        isinstance(function, (*_COUNT_NULLS, *APPROXIMATE, ops.ArgMin, ops.ArgMax, ops.CountStar))
        and function.where is not None
    )


def takes_an_arbitrary_row(node: ops.Reduction, declared: Declared) -> bool:
    """Return whether an aggregate takes one of several rows: its order is none, or not total."""
    if not isinstance(node, ops.First | ops.Last):
        return True
    return not distinguishes([key.arg for key in node.order_by], declared)


def may_divide_by_zero(node: ops.Binary, _: Declared) -> bool:
    by = node.right
    return not (isinstance(by, ops.NullIf) or (isinstance(by, ops.Literal) and by.value))


def divides_decimals(node: ops.Divide, _: Declared) -> bool:
    return bool(node.left.dtype.is_decimal() or node.right.dtype.is_decimal())


_SPECIAL = re.compile(r"\(\?(?!i\)|:)|[*+?}]\+|\\[^dswDSW.\-/+*?()\[\]{}|^$\\]")
"""Patterns that engines treat differently.

Named and look-around groups, possessive quantifiers, and rare character classes.
"""


def is_no_plain_pattern(node: Any, _: Declared) -> bool:
    pattern = node.pattern.value if isinstance(node.pattern, ops.Literal) else None
    if not isinstance(pattern, str):
        return True
    return bool(_SPECIAL.search(pattern))


def refers_to_a_group(node: ops.RegexReplace, declared: Declared) -> bool:
    new = node.replacement.value if isinstance(node.replacement, ops.Literal) else "\\"
    return is_no_plain_pattern(node, declared) or bool(set(new) & set("\\$"))


_SAME_FORMATS = re.compile(r"(?:%[YymdeHIMSBbAajp%]|[^%])*")
"""Formats that all engines know."""


def is_no_common_format(node: ops.Strftime, _: Declared) -> bool:
    shown = node.format_str.value if isinstance(node.format_str, ops.Literal) else "%"
    return not _SAME_FORMATS.fullmatch(shown)


def counts_boundaries(node: ops.DateDelta, _: Declared) -> bool:
    """Return whether dates are counted in a unit other than days.

    Counting days is safe: the boundaries between two dates are as many as the days.
    """
    return str(node.part.value) not in ("D", "day")


def is_asof(node: ops.JoinChain, _: Declared) -> bool:
    return any(link.how == "asof" for link in node.rest)
