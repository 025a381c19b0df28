"""Cron expressions, as crontab(5) reads them, in a time zone.

The library is asked about clocks that are never set: where one of a zone is set back, it answers
with a time that is over.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lakehouse.errors import DeclarationError

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MOMENT = timedelta(microseconds=1)


def following(expression: str, after: datetime, zone: ZoneInfo) -> datetime:
    """The first time after an instant. Raises DeclarationError for what is no cron expression.

    A time that the zone's clock skips is as much later; one that it shows twice comes twice.
    """
    try:
        trigger = _trigger(expression)
    except ValueError as error:
        raise DeclarationError(
            f"{expression!r} is no cron expression: {error}", hint="such as '0 * * * *', hourly"
        ) from None

    def ahead(instant: datetime) -> timedelta:
        return instant.astimezone(zone).utcoffset() or timedelta()

    def first(after: datetime, offset: timedelta) -> datetime:
        """The first match after an instant on a clock that is ahead of UTC by so much."""
        found: datetime | None = trigger.get_next_fire_time(None, after + offset + _MOMENT)
        if found is None:
            raise DeclarationError(f"{expression!r} never comes")
        return found - offset

    after = after.astimezone(UTC)
    before = ahead(after)
    found = first(after, before)
    later = ahead(found)
    if later != before:  # the clock is set in between
        unset, found = found, first(after, later)
        while ahead(found) != later:  # the clock was not set yet
            found = first(found, later)
        found = min(unset, found) if later > before else found
    return found.astimezone(zone)


def _trigger(expression: str) -> BaseTrigger:
    from apscheduler.triggers.combining import OrTrigger
    from apscheduler.triggers.cron import CronTrigger

    minute, hour, day, month, weekday = expression.split()
    both = day != "*" and weekday != "*"  # then either will do, says cron; the library wants both
    pairs = [(day, "*"), ("*", weekday)] if both else [(day, weekday)]
    return OrTrigger(
        [
            CronTrigger(
                minute=minute,
                hour=hour,
                day=of_month,
                month=month,
                day_of_week=_weekdays(of_week),
                timezone=UTC,
            )
            for of_month, of_week in pairs
        ]
    )


def _weekdays(field: str) -> str:
    """Days of the week by name: cron counts from Sunday, the library from Monday."""
    if field == "*" or not re.search(r"\d", field):
        return field
    days: list[str] = []
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = ("0-6" if span == "*" else span).partition("-")
        end = int(last or (6 if step else first))
        days += [_DAYS[number % 7] for number in range(int(first), end + 1, int(step or 1))]
    return ",".join(days)
