"""Cadence, reach, coverage, and minutes beyond a limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

from witness.moments import MINUTE, Span
from witness.readings import Person, Reading

GAP = 45 * MINUTE
"""An interval longer than this splits a trace."""
CADENCES = (1, 5, 15)
_NOTHING = 0
"""Every glucose is above it."""


def cadence(times: Sequence[int]) -> int:
    """The cadence of readings in order of time, in microseconds.

    Half of the elapsed time lies in intervals no longer than it; intervals over 45 minutes are
    left out. To the nearest of 1, 5 and 15 minutes, a tie to the longer; 5 without an interval.
    """
    intervals = sorted(after - before for before, after in pairwise(times) if after - before <= GAP)
    elapsed, total = 0, sum(intervals)
    for interval in intervals:
        elapsed += interval
        if 2 * elapsed >= total:
            return nearest(interval)
    return 5 * MINUTE


def nearest(interval: int) -> int:
    """The nearest of 1, 5 and 15 minutes; a tie goes to the longer."""
    return (
        min((abs(interval - minutes * MINUTE), -minutes * MINUTE) for minutes in CADENCES)[1] * -1
    )


def reaches(person: Person, span: Span, every: int) -> list[int]:
    """For how long each reading of a span stands, cut at the span's end."""
    found = []
    for number in person.within(span):
        at = person.readings[number].at
        following = person.readings[number + 1].at if number + 1 < len(person.readings) else None
        close = following is not None and 2 * (following - at) <= 3 * every
        reach = following - at if close else every
        found.append(min(reach, span.end - at))
    return found


def coverage(person: Person, span: Span) -> Fraction:
    """The percentage of a span that readings stand for."""
    every = cadence([person.readings[number].at for number in person.within(span)])
    return Fraction(100 * sum(reaches(person, span, every)), span.end - span.start)


def minutes_beyond(person: Person, span: Span, limit: int, *, below: bool) -> Fraction:
    """Minutes of a span that the trace is beyond a limit.

    The trace is straight between readings up to 45 minutes apart. A reading that has no other
    within 45 minutes stands for one cadence of the span, up to the span's end.
    """
    numbers = person.within(span)
    if not numbers:
        return Fraction(0)
    every = cadence([person.readings[number].at for number in numbers])
    around = person.readings[max(numbers[0] - 1, 0) : numbers[-1] + 2]
    straight = sum(
        _overlap(_piece(before, after, limit, below=below), span)
        for before, after in pairwise(around)
        if after.at - before.at <= GAP
    )
    lone = sum(
        _overlap((person.readings[number].at, person.readings[number].at + every), span)
        for number in numbers
        if is_lone(person.readings, number) and _is_beyond(person.readings[number], limit, below)
    )
    return Fraction(straight + lone) / MINUTE


def minutes_of_trace(person: Person, span: Span) -> Fraction:
    """Minutes of a span that have a trace, read as for minutes beyond a limit."""
    return minutes_beyond(person, span, _NOTHING, below=False)


def is_lone(readings: Sequence[Reading], number: int) -> bool:
    """Whether no other reading is within 45 minutes."""
    around: Iterable[tuple[Reading, Reading]] = pairwise(readings[max(number - 1, 0) : number + 2])
    return all(after.at - before.at > GAP for before, after in around)


def _is_beyond(reading: Reading, limit: int, below: bool) -> bool:  # noqa: FBT001
    return reading.glucose < limit if below else reading.glucose > limit


def _piece(
    before: Reading, after: Reading, limit: int, *, below: bool
) -> tuple[Fraction | int, Fraction | int]:
    """From when to when the straight line between two readings is beyond a limit."""
    starts, ends = _is_beyond(before, limit, below), _is_beyond(after, limit, below)
    if starts and ends:
        return before.at, after.at
    if not starts and not ends:
        return before.at, before.at
    crossing = before.at + Fraction(
        (after.at - before.at) * (limit - before.glucose), after.glucose - before.glucose
    )
    return (before.at, crossing) if starts else (crossing, after.at)


def _overlap(piece: tuple[Fraction | int, Fraction | int], span: Span) -> Fraction | int:
    return max(min(piece[1], span.end) - max(piece[0], span.start), 0)
