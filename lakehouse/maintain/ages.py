"""What counts as old, on a machine whose clock may be wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from lakehouse import runs

_DAY = timedelta(days=1)
_PAUSE = timedelta(days=8)
"""Longer than a home that is maintained once a week is left alone."""


def believed(now: datetime, names: Iterable[str]) -> datetime:
    """The moment that ages are measured from, given the names of the runs that left a record.

    A clock that is set ahead makes everything old at once, and so it seems when a machine was off
    for long. Either is believed when something has run for a day by the same clock; until then,
    ages are measured from the last run before.
    """
    yesterday = runs.stamp(now - _DAY)
    known = max((name for name in names if name < yesterday), default=None)
    last = runs.started(known) if known else None
    return now if last is None or now - last < _PAUSE else last
