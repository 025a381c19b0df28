"""Query results as Python values: columns of the same name and values of any size are kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_BEYOND = (OverflowError, ValueError)
"""Errors that Arrow raises for an instant outside of Python's years 1 to 9999."""
_UTC, _TOO_FINE = "UTC", "ns"
"""A time zone, and a unit of instants that Python does not have, as Arrow writes them."""
_INFINITE = {32: 2**31 - 1, 64: 2**63 - 1}
"""Numbers that stand for infinity in dates (32 bits) and times (64); negative: minus infinity."""


def distinct(names: Iterable[str]) -> list[str]:
    """Make names of columns unique: one that occurred before gets a number: `a`, `a_1`, `a_2`."""
    unique = list(names)
    used: set[str] = set()
    for place, name in enumerate(unique):
        others = used | set(unique[place + 1 :])
        if name in used:
            unique[place] = next(new for n in count(1) if (new := f"{name}_{n}") not in others)
        used.add(unique[place])
    return unique


def values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column.

    Arrow loads pandas to make instants of Python, which takes 0.2 s; those in UTC are made without.
    """
    import pyarrow as pa

    kind = column.type
    if not pa.types.is_timestamp(kind) or kind.tz != _UTC or kind.unit == _TOO_FINE:
        return list(column.to_pylist())
    local = column.cast(pa.timestamp(kind.unit)).to_pylist()
    return [None if value is None else value.replace(tzinfo=UTC) for value in local]


def of_arrow(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of an Arrow table. Instants that Python cannot hold become text: `10000-01-01`."""
    names = distinct(table.column_names)
    return [
        dict(zip(names, row, strict=True)) for row in zip(*map(_values, table.columns), strict=True)
    ]


def _values(column: pa.ChunkedArray) -> Iterable[Any]:
    try:
        return values(column)
    except _BEYOND:
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:
    import pyarrow as pa

    try:
        return scalar.as_py()
    except _BEYOND:
        pass
    if isinstance(scalar, pa.StructScalar):
        return {name: _value(value) for name, value in scalar.items()}
    if isinstance(scalar, pa.ListScalar | pa.FixedSizeListScalar | pa.LargeListScalar):
        return [_value(value) for value in scalar.values]
    if not isinstance(scalar, pa.Date32Scalar | pa.TimestampScalar):
        return str(scalar)
    infinite = _INFINITE[scalar.type.bit_width]
    if abs(scalar.value) >= infinite:
        return "infinity" if scalar.value > 0 else "-infinity"
    return str(scalar.cast(pa.string()).as_py())
