"""Instants as whole microseconds, and what a person's clock shows at them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
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


class Home(NamedTuple):
    """Where a person lives: the first zone, and each later one with the first date that begins in it."""

    first: str
    moves: tuple[tuple[date, str], ...] = ()

    def zone_at(self, at: int) -> str:
        """The zone of the person's clock: it has moved once the old or the new one shows the date."""
        zone = self.first
        for since, following in self.moves:
            if max(local(at, zone), local(at, following)).date() < since:
                break
            zone = following
        return zone

    def zone_of(self, day: date) -> str:
        """The zone in which a date begins."""
        moves = takewhile(lambda move: move[0] <= day, self.moves)
        return [self.first, *(zone for _, zone in moves)][-1]

    def local(self, at: int) -> datetime:
        """What the person's clock shows, without a zone."""
        return local(at, self.zone_at(at))

    def day(self, day: date) -> Span:
        """A local day, to the midnight that begins the next: 24 hours, or others as clocks change."""
        return Span(self._midnight(day), self._midnight(day + timedelta(days=1)))

    def night(self, day: date) -> Span:
        """The night of a local day: from midnight to six, or to the end of a day that is shorter."""
        start, end = self.day(day)
        return Span(start, min(end, _on_the_clock(day, 6, self.zone_of(day))))

    def _midnight(self, day: date) -> int:
        return _on_the_clock(day, 0, self.zone_of(day))


def _on_the_clock(day: date, hour: int, zone: str) -> int:
    """The first instant at which the clock of a day shows a full hour."""
    return instant(datetime.combine(day, time(hour), ZoneInfo(zone)))
