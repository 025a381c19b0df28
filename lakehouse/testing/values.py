"""Values made up for a column: few of them, so that rows tie and join."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis.expr.datatypes as dt
from hypothesis import strategies as st

from lakehouse.checks import AcceptedValuesCheck, RangeCheck, Rule
from lakehouse.declare import Incremental
from lakehouse.errors import DeclarationError
from lakehouse.windows import Grain, floor

_CLOCKS_CHANGE = datetime(2024, 3, 31, 1, tzinfo=UTC)  # in Europe, and the month ends
_STEPS = [timedelta(**{unit: 1}) for unit in ("hours", "minutes", "microseconds")]
_STEPS += [timedelta(minutes=5), *[timedelta(hours=1)] * 2]
_MOST_STEPS = 12
_FEW, _MANY = "ab", "abcdefghijklmnopqrstuvwxyz"


def values(
    where: str, type_: dt.DataType, kind: Incremental, checks: Sequence[Rule], *, many: bool
) -> st.SearchStrategy[Any]:
    """Values of a type that pass the checks, their times around the windows of `kind`.

    `many` gives text that sets rows apart. Raises DeclarationError for a type that has none;
    `where` names the column then.
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
        f"{where} is of type {type_}, of which no values can be made up",
        hint=f"say what to put there: columns={{{column!r}: st.sampled_from([...])}}",
    )


def cut(grain: Grain) -> datetime:
    """The start of an hour, day or month around which times are made up."""
    return floor(_CLOCKS_CHANGE, grain)


def _numbers(type_: dt.DataType, checks: Sequence[Rule]) -> st.SearchStrategy[Any]:
    """Whole numbers, and quarters between them: their sums are exact in any order."""
    ranges = [check for check in checks if isinstance(check, RangeCheck)]
    low = max((math.ceil(c.min_value) for c in ranges if c.min_value is not None), default=None)
    high = min((math.floor(c.max_value) for c in ranges if c.max_value is not None), default=None)
    if low is None:
        low = min(-9, (high or 0) - 9)
    if high is None:
        high = max(99, low + 99)
    if type_.is_integer():
        return st.integers(low, high)
    return st.integers(low * 4, high * 4).map(lambda quarters: quarters / 4)


def _times(type_: dt.DataType, kind: Incremental) -> st.SearchStrategy[Any]:
    """Moments around the cut, and around where the reach of a window ends."""
    moments: st.SearchStrategy[datetime] = st.builds(
        lambda reach, count, step: cut(kind.grain) + reach + count * step,
        st.sampled_from(list(dict.fromkeys([timedelta(), -kind.before, kind.after]))),
        st.integers(-_MOST_STEPS, _MOST_STEPS),
        st.sampled_from(_STEPS),
    )
    if type_.is_date():
        return moments.map(datetime.date)
    return moments if type_.timezone else moments.map(lambda at: at.replace(tzinfo=None))
