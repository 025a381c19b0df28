"""The machine's clock, which may be wrong: set back, set ahead, or starting in 1970.

So the order of events is told by numbers that only grow, and durations by `time.monotonic`. The
clock only says when something happened. All code asks it here, where tests and `chaos` can set it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """Return the present moment by the machine's clock, in UTC."""
    return datetime.now(UTC)


def steady() -> Callable[[], datetime]:
    """Return a clock that goes on from now, and never runs ahead if the machine's is set ahead."""
    began, since = now(), time.monotonic()
    return lambda: min(now(), began + timedelta(seconds=time.monotonic() - since))
