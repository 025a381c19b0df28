"""The moment that ages are measured from, on a machine whose clock may be wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from lakehouse.records import run_records

_DAY = timedelta(days=1)
_PAUSE = timedelta(days=8)
"""Time without a run after which a clock is doubted; more than a week, for weekly maintenance."""


def believed(now: datetime, names: Iterable[str]) -> datetime:
    """Return the moment that ages are measured from, given the ids of all recorded runs.

    A clock that is set ahead makes everything old at once, and so does a machine that was off for
    a long time. The two cannot be told apart. The clock is believed once a run that it dated is
    more than a day old; until then, ages count from the last run before the pause.
    """
    yesterday = run_records.stamp(now - _DAY)
    newest = max((name for name in names if name < yesterday), default=None)
    last = run_records.started(newest) if newest else None
    return now if last is None or now - last < _PAUSE else last
