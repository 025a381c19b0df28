"""Conditions under which an operation on single values is a trap; `value_traps` says why."""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from lakehouse.portability.conditions import Declared


def _plain(value: Any) -> Any:
    """Return the value of a literal; None for any other."""
    return value.value if isinstance(value, ops.Literal) else None


def _is_count(value: Any) -> bool:
    """Return whether a value is a literal of 0 or more, or is left out."""
    return value is None or (isinstance(value, ops.Literal) and (value.value or 0) >= 0)


def is_nested(node: Any, _: Declared) -> bool:
    """Return whether an operation compares arrays, structs or maps."""
    values = [value for value in node.__args__ if isinstance(value, ops.Value)]
    several = [value for value in node.__args__ if isinstance(value, tuple)]
    return any(
        isinstance(value, ops.Value) and value.dtype.is_nested()
        for value in [*values, *(item for items in several for item in items)]
    )


def holds_nested(node: Any, _: Declared) -> bool:
    """Return whether an array is searched whose items are nested."""
    return bool(node.arg.dtype.value_type.is_nested())


def clips_by_fractions(node: ops.Clip, _: Declared) -> bool:
    limits = [limit.dtype for limit in (node.lower, node.upper) if limit is not None]
    return bool(node.arg.dtype.is_integer() and not all(kind.is_integer() for kind in limits))


def is_of_decimals(node: ops.Mean, _: Declared) -> bool:
    return bool(node.arg.dtype.is_decimal())


def mixes_decimals(node: ops.Modulus, _: Declared) -> bool:
    kinds = (node.left.dtype, node.right.dtype)
    return any(kind.is_decimal() for kind in kinds) and any(kind.is_floating() for kind in kinds)


def multiplies_by_fractions(node: ops.IntervalMultiply, _: Declared) -> bool:
    return _is_of_months(node.left) and not node.right.dtype.is_integer()


def adds_units(node: ops.IntervalAdd, _: Declared) -> bool:
    return _is_of_months(node.left) != _is_of_months(node.right)


def _is_of_months(value: ops.Value) -> bool:
    return value.dtype.unit.short in ("Y", "Q", "M")


def is_of_microseconds(node: ops.Value, _: Declared) -> bool:
    return bool(node.dtype.is_interval() and node.dtype.unit.short in ("us", "ns"))


def is_cut_anywhere(node: Any, _: Declared) -> bool:
    """Return whether a part is cut from a text or an array at places that are not known."""
    places = ("start", "end", "stop", "length", "nchars", "times")
    return not all(_is_count(getattr(node, place, None)) for place in places)


def is_padded_by_more(node: ops.LPad | ops.RPad, _: Declared) -> bool:
    """Return whether a text is padded by what may not be one character."""
    return len(_plain(node.pad) or "") != 1


def is_split_anywhere(node: ops.StringSplit | ops.RegexSplit, _: Declared) -> bool:
    by = node.delimiter if isinstance(node, ops.StringSplit) else node.pattern
    return not _plain(by)


def takes_any_group(node: ops.RegexExtract, _: Declared) -> bool:
    return not isinstance(node.index, ops.Literal)


def is_shifted_anywhere(node: Any, _: Declared) -> bool:
    """Return whether bits are shifted to the left, or by a number that is not known."""
    count = _plain(node.right)
    is_to_the_right = isinstance(node, ops.BitwiseRightShift)
    return not (is_to_the_right and isinstance(count, int) and 0 <= count < dt.int32.nbytes * 8)


def is_rounded_anywhere(node: ops.Round, _: Declared) -> bool:
    return not _is_count(node.digits)


def is_ordered_in_a_window(node: ops.WindowFunction, _: Declared) -> bool:
    return bool(
        isinstance(node.func, ops.ArrayCollect | ops.GroupConcat | ops.First | ops.Last)
        and node.func.order_by
    )


def is_unlike(node: ops.Cast, _: Declared) -> bool:
    """Return whether a cast is one that an engine refuses, or understands in its own way."""
    before, after = node.arg.dtype, node.to
    if before.is_string() or after.is_string() or type(before) is type(after):
        return bool(before.is_nested() or before.is_binary() or after.is_binary())
    if before.is_null():
        return False
    is_number = all(kind.is_numeric() or kind.is_boolean() for kind in (before, after))
    is_moment = {kind.is_timestamp() or kind.is_date() for kind in (before, after)} == {True}
    return not (is_number or is_moment)


def is_float32(node: ops.Cast, _: Declared) -> bool:
    return bool(node.to == dt.float32)


def shows_a_time_of_day(node: ops.Cast, _: Declared) -> bool:
    return bool(node.arg.dtype.is_time() and node.to.is_string())


def may_lack_the_item(node: ops.ArrayRemove, _: Declared) -> bool:
    return _plain(node.other) is None
