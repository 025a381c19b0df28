"""Values made up for a column: so few different ones that rows tie and join."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis.expr.datatypes as dt
from hypothesis import strategies as st

from lakehouse.checks import AcceptedValuesCheck, RangeCheck, Rule
from lakehouse.declare.kinds import Incremental
from lakehouse.errors import DeclarationError
from lakehouse.windows import Grain, floor

_CLOCKS_CHANGE = datetime(2024, 3, 31, 1, tzinfo=UTC)
"""A moment at which clocks change in Europe, on the last day of a month."""
_STEPS = [timedelta(**{unit: 1}) for unit in ("hours", "minutes", "microseconds")]
_STEPS += [timedelta(minutes=5), *[timedelta(hours=1)] * 2]
_MOST_STEPS = 12
"""Number of steps from a window's edge, at most, at which times are made up."""
_FEW, _MANY = "ab", "abcdefghijklmnopqrstuvwxyz"
"""Texts of usual columns, and of columns that set rows apart."""


def values(
    where: str, type_: dt.DataType, kind: Incremental, checks: Sequence[Rule], *, many: bool
) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a type that pass the checks.

    Times lie around the edges of the windows of `kind`. `many` gives text with many different
    values. Raises DeclarationError, which names the column `where`, for an unsupported type.
    """
    for check in checks:
        if isinstance(check, AcceptedValuesCheck):
            return st.sampled_from(list(check.values))
    if type_.is_string():
        return st.sampled_from(_MANY if many else _FEW)
    if type_.is_boolean():
        return st.booleans()
    if type_.is_numeric():
        return _numbers(type_, checks)
    if type_.is_timestamp() or type_.is_date():
        return _times(type_, kind)
    column = where.rpartition(".")[2]
    raise DeclarationError(
        f"{where} is of type {type_}, for which no values can be made up",
        hint=f"say what to put there: columns={{{column!r}: st.sampled_from([...])}}",
    )


def cut(grain: Grain) -> datetime:
    """Return the start of an hour, day or month, around which times are made up."""
    return floor(_CLOCKS_CHANGE, grain)


def _numbers(type_: dt.DataType, checks: Sequence[Rule]) -> st.SearchStrategy[Any]:
    """Return a strategy for whole numbers or quarters, whose sums are exact in any order."""
    ranges = [check for check in checks if isinstance(check, RangeCheck)]
    lows, highs = [c.min_value for c in ranges], [c.max_value for c in ranges]
    # A limit of another type is about times, not about numbers.
    low = max((math.ceil(n) for n in lows if isinstance(n, int | float | Decimal)), default=None)
    high = min((math.floor(n) for n in highs if isinstance(n, int | float | Decimal)), default=None)
    if low is None:
        low = min(-9, (high or 0) - 9)
    if high is None:
        high = max(99, low + 99)
    if type_.is_integer():
        return st.integers(low, high)
    return st.integers(low * 4, high * 4).map(lambda quarters: quarters / 4)


def _times(type_: dt.DataType, kind: Incremental) -> st.SearchStrategy[Any]:
    """Return a strategy for times around the cut, and around the ends of a window's reach."""
    moments: st.SearchStrategy[datetime] = st.builds(
        lambda reach, count, step: cut(kind.grain) + reach + count * step,
        st.sampled_from(list(dict.fromkeys([timedelta(), -kind.before, kind.after]))),
        st.integers(-_MOST_STEPS, _MOST_STEPS),
        st.sampled_from(_STEPS),
    )
    if type_.is_date():
        return moments.map(datetime.date)
    return moments if type_.timezone else moments.map(lambda at: at.replace(tzinfo=None))
