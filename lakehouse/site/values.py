"""Values of tables as what pages hold: texts for people, compact columns for charts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

from lakehouse.engines import python_rows
from lakehouse.pages.rounding import rounded

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Column: TypeAlias = "pa.ChunkedArray | list[str]"
"""A column of rows, or texts that are shown."""
NOTHING = "\N{EN DASH}"
"""Shown for a value that is null."""
_DIGITS = 7
"""Significant digits of numbers in charts: more than a screen has points."""
_DAY = 86_400_000
"""Milliseconds."""
_PARTS = {"ms": 1, "us": 1_000}
"""Units of times in Arrow: how many of them are a millisecond."""
_FAR = 2**61
"""Differences of whole numbers up to this one are no larger than NumPy's can be."""


def shown(value: Any, zone: ZoneInfo, digits: int | None = None) -> str:
    """Return a value as people read it; instants in this time zone, numbers rounded half up.

    Numbers have `digits` digits after the point; None: as many as the value has.
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return _number(value, digits)
    if isinstance(value, datetime):
        local = value.astimezone(zone) if value.tzinfo else value
        return f"{local:%Y-%m-%d %H:%M}" if local.second == 0 else f"{local:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list | tuple):
        return ", ".join(shown(part, zone, digits) for part in value)
    return str(value)


def compact(column: Column) -> dict[str, Any]:
    """Return a column as a JSON object: `d` are its values, the other keys say how.

    Whole numbers are differences (`s` is their unit), times are milliseconds, as differences too:
    local times as if they were of UTC. Values that repeat are places (`d`) in a list (`v`).
    """
    import pyarrow as pa

    if isinstance(column, list):
        numbers = {text: place for place, text in enumerate(dict.fromkeys(column))}
        return _repeating([*numbers], [numbers[text] for text in column])
    kind = column.type
    whole = _whole_numbers(column)
    if whole is not None:
        times = {"t": 1} if pa.types.is_temporal(kind) else {}
        return {**times, **_array_differences(whole)}
    if pa.types.is_temporal(kind):
        return {"t": 1, **_differences(_instants(python_rows.values(column)))}
    if pa.types.is_integer(kind):
        return _differences(column.to_pylist())
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = [_plain(value) for value in encoded.dictionary.to_pylist()]
    return _repeating(values, encoded.indices.to_pylist())


def _whole_numbers(column: pa.ChunkedArray) -> np.ndarray[Any, Any] | None:
    """Return what `compact` takes the differences of, where NumPy can; None where it cannot.

    That is where a value is null, far from zero, or a part of a millisecond.
    """
    import numpy as np
    import pyarrow as pa

    kind, factor, parts = column.type, 1, 1
    if pa.types.is_timestamp(kind) and kind.unit in _PARTS:
        parts, width = _PARTS[kind.unit], pa.int64()
    elif pa.types.is_date32(kind):
        factor, width = _DAY, pa.int32()
    elif pa.types.is_signed_integer(kind):
        width = kind
    else:
        return None
    if column.null_count or not len(column):
        return None
    values = np.concatenate([np.from_dlpack(part.view(width)) for part in column.chunks])
    values = values.astype(np.int64)
    if abs(int(values.min())) > _FAR or abs(int(values.max())) > _FAR or (values % parts).any():
        return None
    return values // parts * factor


def _array_differences(values: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return the same as `_differences`, of values that are all there."""
    import numpy as np

    steps = np.diff(values, prepend=0)
    unit = int(np.gcd.reduce(steps)) or 1
    return {"s": unit, "d": (steps // unit).tolist()}


def _repeating(values: list[Any], places: list[int | None]) -> dict[str, Any]:
    """Return places in a list of values, or the values at the places if few of them repeat."""
    if len(values) > len(places) / 2:
        return {"d": [None if place is None else values[place] for place in places]}
    return {"v": values, "d": places}


def _number(value: float | Decimal, digits: int | None) -> str:
    number = rounded(value, digits)
    if number is None:
        return NOTHING
    if digits is None and isinstance(value, float):
        number = number.normalize()
    text = f"{number:f}"
    return text.lstrip("-") if not number else text


def _plain(value: Any) -> Any:
    """Return a value of a column as one of JSON."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        short = float(f"{value:.{_DIGITS}g}")
        return int(short) if short.is_integer() else short
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _instants(values: Iterable[Any]) -> list[int | None]:
    """Return temporal values in milliseconds since 1970, or since midnight."""
    return [None if value is None else _milliseconds(value) for value in values]


def _milliseconds(value: Any) -> int:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    if isinstance(value, date):
        return (value.toordinal() - date(1970, 1, 1).toordinal()) * _DAY
    if isinstance(value, time):
        value = timedelta(
            hours=value.hour,
            minutes=value.minute,
            seconds=value.second,
            microseconds=value.microsecond,
        )
    length: timedelta = value
    return round(length / timedelta(milliseconds=1))


def _differences(values: list[int | None]) -> dict[str, Any]:
    present = [value for value in values if value is not None]
    steps = [after - before for before, after in pairwise([0, *present])]
    unit = math.gcd(*steps) or 1
    if len(present) == len(values):
        return {"s": unit, "d": [step // unit for step in steps]}
    left = iter(steps)
    return {"s": unit, "d": [None if value is None else next(left) // unit for value in values]}
