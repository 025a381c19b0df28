"""Spans of whole epoch milliseconds, for one of which a request asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakehouse import Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Span:
    """Half-open span `[start, end)` in epoch milliseconds."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"[{_iso(self.start)}, {_iso(self.end)})"

    def __contains__(self, milliseconds: float) -> bool:
        return self.start <= milliseconds < self.end

    @classmethod
    def of(cls, window: Window) -> Span:
        """Return the milliseconds that begin in `window`: adjacent windows never share one."""
        return cls(_milliseconds(window.start), _milliseconds(window.end))

    @property
    def length(self) -> int:
        """Milliseconds in the span."""
        return self.end - self.start

    def pieces(self, length: timedelta) -> Iterator[Span]:
        """Yield consecutive spans of at most `length` that make up this one."""
        step = length // _MILLISECOND
        for start in range(self.start, self.end, step):
            yield Span(start, min(start + step, self.end))

    def halves(self) -> tuple[Span, Span]:
        """Return the two halves of the span."""
        middle = self.start + self.length // 2
        return Span(self.start, middle), Span(middle, self.end)


def _milliseconds(instant: datetime) -> int:
    return -((_EPOCH - instant) // _MILLISECOND)  # rounded up


def _iso(milliseconds: int) -> str:
    instant = _EPOCH + milliseconds * _MILLISECOND
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
