"""Windows, half-open spans of time, and the operations that planning needs on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

Grain: TypeAlias = Literal["hour", "day", "month"]
GRAINS: tuple[str, ...] = get_args(Grain)

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}


_LONGEST = 1_000 * _UNITS["y"]
"""The longest duration that can be parsed."""


@dataclass(frozen=True, order=True)
class Window:
    """Half-open span of instants `[start, end)`, both in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for edge in (self.start, self.end):
            if edge.tzinfo is None:
                msg = f"a window needs instants with a time zone, got {edge.isoformat()}"
                raise ValueError(msg)
        if self.start >= self.end:
            msg = f"a window ends after it starts, got {self}"
            raise ValueError(msg)
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))

    def __str__(self) -> str:
        if (self.start, self.end) == (BEGINNING, END):
            return "all"
        return f"[{_short(self.start)}, {_short(self.end)})"

    @classmethod
    def of_days(cls, first: date, last: date, zone: ZoneInfo) -> Window:
        """Return the local calendar days `first` to `last`, both included, in `zone`."""
        return cls(
            datetime.combine(first, time(), zone),
            datetime.combine(last + timedelta(days=1), time(), zone),
        )

    def overlaps(self, other: Window) -> bool:
        """Return whether the two windows share an instant."""
        return self.start < other.end and other.start < self.end

    def widen(self, before: timedelta, after: timedelta = timedelta()) -> Window:
        """Return the window with `before` added at its start and `after` at its end."""
        start = BEGINNING if self.start - BEGINNING < before else self.start - before
        end = END if END - self.end < after else self.end + after
        return Window(start, end)

    def snap(self, grain: Grain) -> Window:
        """Return the smallest window of whole UTC hours, days or months that holds this one."""
        start = floor(self.start, grain)
        end = floor(self.end, grain)
        return Window(start, end if end == self.end else following(end, grain))

    def pieces(self, length: timedelta) -> Iterator[Window]:
        """Yield consecutive windows of at most `length` that make up this one."""
        start = self.start
        while start < self.end:
            end = min(start + length, self.end)
            yield Window(start, end)
            start = end


Windows: TypeAlias = tuple[Window, ...]
"""Sorted windows that neither overlap nor touch."""

BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
END = datetime(9999, 1, 1, tzinfo=UTC)
ALL_TIME = Window(BEGINNING, END)
"""All time: the window for which a table without a time column is changed or built."""


def union(windows: Iterable[Window]) -> Windows:
    """Return the same instants as sorted windows that neither overlap nor touch."""
    joined: list[Window] = []
    for window in sorted(windows):
        if joined and window.start <= joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, window.end))
        else:
            joined.append(window)
    return tuple(joined)


def intersect(left: Iterable[Window], right: Iterable[Window]) -> Windows:
    """Return the instants that are in both."""
    others = tuple(right)
    return union(
        Window(max(a.start, b.start), min(a.end, b.end))
        for a in left
        for b in others
        if a.overlaps(b)
    )


def subtract(left: Iterable[Window], right: Iterable[Window]) -> Windows:
    """Return the instants of `left` that are not in `right`."""
    rest = list(union(left))
    for hole in right:
        kept: list[Window] = []
        for window in rest:
            if not window.overlaps(hole):
                kept.append(window)
                continue
            if window.start < hole.start:
                kept.append(Window(window.start, hole.start))
            if hole.end < window.end:
                kept.append(Window(hole.end, window.end))
        rest = kept
    return tuple(rest)


def before(windows: Iterable[Window], moment: datetime) -> Windows:
    """Return the instants of the windows that lie before a moment."""
    return intersect(windows, [Window(BEGINNING, moment)])


def hull(windows: Iterable[Window]) -> Windows:
    """Return the one window from the first start to the last end; none of none."""
    parts = list(windows)
    if not parts:
        return ()
    return (Window(min(part.start for part in parts), max(part.end for part in parts)),)


def to_json(windows: Iterable[Window]) -> list[list[str]]:
    """Return windows as pairs of ISO instants."""
    return [[window.start.isoformat(), window.end.isoformat()] for window in windows]


def from_json(pairs: Iterable[Iterable[str]]) -> Windows:
    """Return the windows that `to_json` has written."""
    return union(Window(*map(datetime.fromisoformat, pair)) for pair in pairs)


def floor(instant: datetime, grain: Grain) -> datetime:
    """Return the start of the UTC hour, day or month that holds `instant`."""
    at = instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if grain == "hour":
        return at
    return at.replace(hour=0) if grain == "day" else at.replace(hour=0, day=1)


def following(start: datetime, grain: Grain) -> datetime:
    """Return the start of the next hour, day or month; `start` is the start of one."""
    if grain == "hour":
        return start + timedelta(hours=1)
    if grain == "day":
        return start + timedelta(days=1)
    return floor(start + timedelta(days=32), "month")


def parse_duration(text: str) -> timedelta:
    """Parse a length of time such as '90s', '15m', '1h', '2d', '1w' or '3y'.

    Raises ValueError, whose message says what to write, for anything else.
    """
    match = re.fullmatch(r"([0-9]{1,12})([smhdwy])", text.strip())
    if not match:
        msg = f"needs a number and a unit, such as '1h' or '2d', got {text!r}"
        raise ValueError(msg)
    number, unit = int(match[1]), _UNITS[match[2]]
    if number > _LONGEST // unit:
        msg = f"needs at most a thousand years, got {text!r}"
        raise ValueError(msg)
    return number * unit


def _short(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M" if (instant.hour or instant.minute) else "%Y-%m-%d")
