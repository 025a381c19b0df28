"""Cursors: the newest value of a growing column that reached main, by which a source is asked.

The value is kept in the state of the raw table: as text if it is an instant or a date, else as it
is.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from lakehouse.declare.raw_columns import declared

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

    from lakehouse.declare.specs import IngestionSpec
    from lakehouse.plan.state import TableState

CursorValue: TypeAlias = datetime | date | int | str
Kept: TypeAlias = int | str
"""A value as the state keeps it."""


def newest(spec: IngestionSpec, state: TableState | None) -> CursorValue | None:
    """Return the newest value of the cursor so far; None if the source was not read by it yet."""
    if spec.cursor is None or state is None or state.cursor is None:
        return None
    if state.declared.get("cursor") != spec.cursor:
        return None
    return _read(state.cursor, declared(spec)[spec.cursor])


def since(spec: IngestionSpec, state: TableState | None) -> CursorValue | None:
    """Return the value from which the source is to be read; None for all that it has."""
    value, lag = newest(spec, state), spec.lag
    try:
        if isinstance(value, date) and isinstance(lag, timedelta):
            return value - lag
        return value - lag if isinstance(value, int) and isinstance(lag, int) else value
    except OverflowError:
        return None


def kept(value: CursorValue) -> Kept:
    """Return a value as the state keeps it."""
    return value.isoformat() if isinstance(value, date) else value


def _read(value: Kept, kind: dt.DataType) -> CursorValue | None:
    """Return a kept value as one of a type; None if the column had another type then."""
    if isinstance(value, int) or not kind.is_temporal():
        return value if isinstance(value, int if kind.is_integer() else str) else None
    try:
        if kind.is_date():
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    has_zone = kind.is_timestamp() and kind.timezone is not None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if has_zone else moment.replace(tzinfo=None)
