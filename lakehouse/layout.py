"""How large tables are cut: into pieces, of which few are built at once, and into files.

Both go by how many rows a table has for the time that was ingested so far. A small table is built
in one piece, and a large one in pieces that fit into memory. A table with few rows in a month has
a file for each; one with more has a file every few days, so that a late row rewrites those.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from lakehouse.windows import ALL_TIME, Grain, Window, Windows

PIECE_ROWS = 1_000_000
"""Rows of input of a piece: memory that one took serves the next one, too."""
LARGE_ROWS = 3_000_000
"""Rows of input above which a piece is too large, whatever else is wanted of it."""
_REACHES = 10
"""How many times as long as what it reads beside itself a piece is, unless that is too large."""
MONTH_ROWS = 75_000
"""A table with more rows in a month has a file for fewer days than that."""
FILE_ROWS = 500_000
"""About as many rows a file has at most."""
MOST_DAYS = 16
"""A power of two, as all these numbers of days are: those of denser tables lie in each other."""
SMALL_FILE_ROWS = 100_000
"""A file below this is worth rewriting with its neighbours of the same span."""
COMPARED_ROWS = 1_000_000
"""Stored rows of the time of incoming ones that are read whole; of more, keys are read first."""
MONTH = timedelta(days=30)
_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FileSpan:
    """The time whose rows are one file: a month, or so many days, counted from 1970."""

    days: int | None = None

    def is_about(self, other: FileSpan) -> bool:
        """Whether neither has more than twice the files of the other."""
        least, most = sorted(each.days or MONTH.days for each in (self, other))
        return most <= 2 * least

    def around(self, window: Window) -> Window:
        """The time of all files that a window may touch."""
        if self.days is None or window == ALL_TIME:
            return window.snap("month")
        whole = window.snap("day")
        before = timedelta(days=(whole.start - _FIRST_DAY).days % self.days)
        after = timedelta(days=(_FIRST_DAY - whole.end).days % self.days)
        return whole.widen(before, after)


def divided_by(column: str | None, span: FileSpan, times: Sequence[Window | None]) -> str | None:
    """The column by which rows of these times are told apart into files; None if one holds all.

    A time that is None is not known.
    """
    if column is None or None in times:
        return column
    known = [window for window in times if window is not None]
    if not known:
        return column
    hull = Window(min(each.start for each in known), max(each.end for each in known))
    first = Window(hull.start, hull.start + timedelta.resolution)
    return None if hull != ALL_TIME and span.around(hull) == span.around(first) else column


def file_span(rows: int, covered: Windows) -> FileSpan:
    """How much time one file holds, of a table with so many rows over the windows ingested."""
    months = sum((window.end - window.start for window in covered), timedelta()) / MONTH
    a_month = rows / max(months, 1.0)
    if a_month <= MONTH_ROWS:
        return FileSpan()
    days = MONTH.days * FILE_ROWS / a_month
    return FileSpan(min(2 ** max(round(math.log2(days)), 0), MOST_DAYS))


def pieces(
    windows: Windows,
    rows: int,
    covered: Windows,
    grain: Grain,
    *,
    reach: timedelta = timedelta(),
    span: FileSpan = FileSpan(),
) -> Windows:
    """The windows, cut at whole grains, best where files end, so that each needs few rows of input.

    `rows` is how many rows of input there are over the `covered` windows; `reach` is how much more
    time of it than its own a piece reads; `span` is the time that a file of the result holds.
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
    """How long the part of a window is that has rows."""
    return min(window.end, inside.end) - max(window.start, inside.start)


def _edges(inside: Window, length: timedelta, span: FileSpan, grain: Grain) -> Iterator[datetime]:
    """Where to cut, about every `length`: where a file ends, if pieces hold whole ones."""
    edge = inside.start + length
    while edge < inside.end:
        last = Window(edge - timedelta.resolution, edge)
        file = span.around(last)
        yield (file if file.end - file.start <= length else last).snap(grain).end
        edge += length


def _cut(window: Window, edges: Sequence[datetime]) -> Iterator[Window]:
    """Consecutive windows between the edges that make up `window`."""
    inner = sorted({edge for edge in edges if window.start < edge < window.end})
    yield from (Window(*pair) for pair in pairwise([window.start, *inner, window.end]))
