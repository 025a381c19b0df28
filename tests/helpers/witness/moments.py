"""Instants as whole microseconds, and what a person's clock shows at them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """A half-open span of instants."""

    start: int
    end: int


def instant(at: datetime) -> int:
    """Microseconds since 1970 of a datetime with a zone."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def utc(at: int) -> datetime:
    """The datetime of an instant, in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def local(at: int, zone: str) -> datetime:
    """What a clock on the wall shows, without a zone."""
    return utc(at).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _on_the_clock(day: date, hour: int, zone: str) -> int:
    """The first instant at which the clock of a day shows a full hour."""
    return instant(datetime.combine(day, time(hour), ZoneInfo(zone)))


def day_of(day: date, zone: str) -> Span:
    """A local day: 23, 24 or 25 hours, or half an hour more or less in Lord Howe."""
    return Span(_on_the_clock(day, 0, zone), _on_the_clock(day + timedelta(days=1), 0, zone))


def night_of(day: date, zone: str) -> Span:
    """The night of a local day: from midnight to six."""
    return Span(_on_the_clock(day, 0, zone), _on_the_clock(day, 6, zone))
