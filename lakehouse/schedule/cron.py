"""Cron expressions, as crontab(5) reads them, in a time zone.

The library is given a clock with a fixed offset from UTC, since crons differ in what they do when a
zone's clock is set back. Here, a time that the clock shows twice comes twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lakehouse.errors import DeclarationError


def following(expression: str, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first time after an instant. Raises DeclarationError for an invalid expression.

    A time that the zone's clock skips comes later by as much; one that it shows twice comes twice.
    """

    def ahead(instant: datetime) -> timedelta:
        return instant.astimezone(zone).utcoffset() or timedelta()

    after = after.astimezone(UTC)
    before = ahead(after)
    due = _first(expression, after, before)
    later = ahead(due)
    if later != before:  # the clock is set in between
        unset, due = due, _first(expression, after, later)
        while ahead(due) != later:  # the clock was not set yet
            due = _first(expression, due, later)
        due = min(unset, due) if later > before else due
    return due.astimezone(zone)


def _first(expression: str, after: datetime, offset: timedelta) -> datetime:
    """The first match after an instant on a clock that is always `offset` ahead of UTC."""
    from cronsim import CronSim, CronSimError

    try:
        match = next(CronSim(expression, after + offset), None)
    except CronSimError as error:
        raise DeclarationError(
            f"{expression!r} is no cron expression: {error}", hint="such as '0 * * * *', hourly"
        ) from None
    if match is None:
        raise DeclarationError(f"{expression!r} never comes")
    return match - offset
