"""The machine's clock, which may be wrong: it is set back, set ahead, or starts in 1970.

What has happened before what is told by numbers that only grow, and how long something took by
`time.monotonic`. The clock says when; one place to ask it lets tests and `chaos` set it.
"""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The moment that the machine takes it to be, in UTC."""
    return datetime.now(UTC)
