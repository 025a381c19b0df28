"""Cron expressions, as crontab(5) reads them, in a time zone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from lakehouse.errors import DeclarationError

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MOMENT = timedelta(microseconds=1)


def following(expression: str, after: datetime, zone: ZoneInfo) -> datetime:
    """The first time after an instant. Raises DeclarationError for what is no cron expression."""
    try:
        trigger = _trigger(expression, zone)
    except ValueError as error:
        raise DeclarationError(
            f"{expression!r} is no cron expression: {error}", hint="such as '0 * * * *', hourly"
        ) from None
    found: datetime | None = trigger.get_next_fire_time(None, after.astimezone(zone) + _MOMENT)
    if found is None:
        raise DeclarationError(f"{expression!r} never comes")
    return found


def _trigger(expression: str, zone: ZoneInfo) -> BaseTrigger:
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
                timezone=zone,
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
