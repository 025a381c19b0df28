"""Episodes of low and high glucose (Battelino 2023), read every five minutes of the clock."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from witness.moments import HOUR, MINUTE
from witness.reach import GAP
from witness.readings import Reading

SLOT = 5 * MINUTE
CONFIRMED = 3
"""Slots that make up 15 minutes."""
UNDECIDED = 6 * HOUR // SLOT
"""Slots with 15 minutes on neither side that split a trace."""
LIMITS = {("hypo", 1): 70, ("hypo", 2): 54, ("hyper", 1): 180, ("hyper", 2): 250}


class Episode(NamedTuple):
    kind: str
    level: int
    start: int
    end: int
    extreme: int | None

    @property
    def minutes(self) -> float:
        return (self.end - self.start) / MINUTE


class Value(NamedTuple):
    """Glucose as a fraction, whose denominator is positive."""

    numerator: int
    denominator: int


def episodes(readings: Sequence[Reading]) -> list[Episode]:
    """All episodes of a trace in order of time."""
    grid = on_the_grid(readings)
    return [
        Episode(kind, level, first * SLOT, end * SLOT, _extreme(readings, kind, first, end))
        for (kind, level), limit in LIMITS.items()
        for island in _islands(sorted(grid))
        for first, end in _spans(island, grid, kind, limit)
    ]


def on_the_grid(readings: Sequence[Reading]) -> dict[int, Value]:
    """Glucose at every fifth minute, interpolated between readings up to 45 minutes apart."""
    grid = {
        reading.at // SLOT: Value(reading.glucose, 1)
        for reading in readings
        if reading.at % SLOT == 0
    }
    for before, after in pairwise(readings):
        length = after.at - before.at
        if length > GAP:
            continue
        for slot in range(before.at // SLOT + 1, -(-after.at // SLOT)):
            passed = slot * SLOT - before.at
            rise = after.glucose - before.glucose
            grid[slot] = Value(before.glucose * length + passed * rise, length)
    return grid


def _islands(slots: Sequence[int]) -> Iterator[list[int]]:
    """Slots that follow each other."""
    for _, island in groupby(enumerate(slots), key=lambda pair: pair[1] - pair[0]):
        yield [slot for _, slot in island]


def _spans(
    island: Sequence[int], grid: Mapping[int, Value], kind: str, limit: int
) -> Iterator[tuple[int, int]]:
    """First slot and end of each episode of an island.

    Where a trace is split before 15 minutes back, an episode ends with its last 15 minutes beyond.
    """

    def is_beyond(slot: int) -> bool:
        value = grid[slot]
        edge = limit * value.denominator
        return value.numerator < edge if kind == "hypo" else value.numerator > edge

    first = last_beyond = None
    undecided = 0
    for beyond, run in groupby(island, key=is_beyond):
        slots = list(run)
        undecided = undecided + len(slots) if len(slots) < CONFIRMED else 0
        if first is not None and undecided >= UNDECIDED:
            yield first, last_beyond
            first = None
        if beyond and len(slots) >= CONFIRMED:
            first = slots[0] if first is None else first
            last_beyond = slots[-1] + 1
        elif first is not None and len(slots) >= CONFIRMED:
            yield first, slots[0]
            first = None
    if first is not None:
        yield first, last_beyond


def _extreme(readings: Sequence[Reading], kind: str, first: int, end: int) -> int | None:
    """The lowest or highest reading of an episode.

    What made its first mark of the clock be beyond is a reading up to five minutes before it.
    """
    start = bisect_right(readings, (first - 1) * SLOT, key=_at)
    stop = bisect_left(readings, end * SLOT, key=_at)
    values = [reading.glucose for reading in readings[start:stop]]
    return (min if kind == "hypo" else max)(values, default=None)


def _at(reading: Reading) -> int:
    return reading.at
