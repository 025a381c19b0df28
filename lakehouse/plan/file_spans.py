"""Sizes of large tables: the pieces that they are built in, and the time spans of their data files.

Both depend on how many rows a table has for the time that was ingested so far. A small table is
built in one piece, a large one in pieces that fit into memory. A table with few rows a month has
one file for each month; a denser one has a file for every few days, so that a late row rewrites
only those days.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from lakehouse.windows import ALL_TIME, Grain, Window, Windows, hull

PIECE_ROWS = 1_000_000
"""Rows of input that a piece should have; the next piece reuses the memory of the one before."""
LARGE_ROWS = 3_000_000
"""Rows of input that a piece may have at most; this limit comes before all other wishes."""
_REACHES = 10
"""A piece is at least so many times as long as what it reads beyond itself.

A piece that would exceed `LARGE_ROWS` is shorter.
"""
MONTH_ROWS = 75_000
"""Rows a month above which a table has files for spans shorter than a month."""
FILE_ROWS = 500_000
"""Rows that a file has at most, approximately."""
MOST_DAYS = 16
"""Longest span below a month, in days.

All such spans are powers of two, so that the spans of a denser table lie within longer ones.
"""
SMALL_FILE_ROWS = 100_000
"""Rows below which a file is worth rewriting with others of the same span."""
MONTH = timedelta(days=30)
_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FileSpan:
    """The time whose rows are in one file: a number of days counted from 1970, or a month."""

    days: int | None = None
    """Number of days; None means a calendar month."""

    def is_about(self, other: FileSpan) -> bool:
        """Return whether one span is at most twice as long as the other."""
        least, most = sorted(span.days or MONTH.days for span in (self, other))
        return most <= 2 * least

    def around(self, window: Window) -> Window:
        """Return the time of all files that may hold rows of a window."""
        if self.days is None or window == ALL_TIME:
            return window.snap("month")
        whole = window.snap("day")
        before = timedelta(days=(whole.start - _FIRST_DAY).days % self.days)
        after = timedelta(days=(_FIRST_DAY - whole.end).days % self.days)
        return whole.widen(before, after)


CALENDAR_MONTH = FileSpan()


def divided_by(column: str | None, span: FileSpan, times: Sequence[Window | None]) -> str | None:
    """Return the time column if rows of these times need several files; None if one file does.

    None among the times stands for a time that is not known.
    """
    if column is None or None in times:
        return column
    known = [window for window in times if window is not None]
    if not known:
        return column
    (whole,) = hull(known)
    first = Window(whole.start, whole.start + timedelta.resolution)
    return None if whole != ALL_TIME and span.around(whole) == span.around(first) else column


def file_span(rows: int, covered: Windows) -> FileSpan:
    """Return the span of a file, for a table with `rows` rows over the `covered` windows."""
    months = sum((window.end - window.start for window in covered), timedelta()) / MONTH
    a_month = rows / max(months, 1.0)
    if a_month <= MONTH_ROWS:
        return CALENDAR_MONTH
    days = MONTH.days * FILE_ROWS / a_month
    return FileSpan(min(2 ** max(round(math.log2(days)), 0), MOST_DAYS))


def pieces(
    windows: Windows,
    rows: int,
    covered: Windows,
    grain: Grain,
    *,
    reach: timedelta = timedelta(),
    span: FileSpan = CALENDAR_MONTH,
) -> Windows:
    """Cut windows into pieces that read few rows of input each, preferably where files end.

    Cuts are at whole grains. `rows` is the number of input rows over the `covered` windows,
    `reach` the time that a piece reads beyond its own, `span` the span of the result's files.
    """
    time = sum((window.end - window.start for window in covered), timedelta())
    if rows <= PIECE_ROWS or not time:
        return windows
    most = time * (LARGE_ROWS / rows)
    length = min(max(time * (PIECE_ROWS / rows), _REACHES * min(reach, most)), most)
    inside = Window(covered[0].start, covered[-1].end).snap(grain)
    edges = [*_edges(inside, length, span, grain)]
    return tuple(
        piece
        for window in windows
        for piece in _cut(window, edges if _length(window, inside) > length else ())
    )


def _length(window: Window, inside: Window) -> timedelta:
    """Return the length of the part of a window that lies `inside` the time with rows."""
    return min(window.end, inside.end) - max(window.start, inside.start)


def _edges(inside: Window, length: timedelta, span: FileSpan, grain: Grain) -> Iterator[datetime]:
    """Yield the times to cut at, about every `length`.

    They are at the ends of files, if a file is no longer than a piece.
    """
    edge = inside.start + length
    while edge < inside.end:
        last = Window(edge - timedelta.resolution, edge)
        file = span.around(last)
        yield (file if file.end - file.start <= length else last).snap(grain).end
        edge += length


def _cut(window: Window, edges: Sequence[datetime]) -> Iterator[Window]:
    """Cut a window at those edges that lie within it."""
    inner = sorted({edge for edge in edges if window.start < edge < window.end})
    yield from (Window(*pair) for pair in pairwise([window.start, *inner, window.end]))
