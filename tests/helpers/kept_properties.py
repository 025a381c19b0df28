"""What must hold of the kept readings of a generated day, and what does not, in words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from generated_days import FULL_DAY, GeneratedDay
from witness.moments import DAY, MINUTE, SECOND, utc
from witness.readings import Reading


def violations(day: GeneratedDay, kept: Sequence[Reading]) -> list[str]:
    """Lines that say what does not hold of kept readings in order of time."""
    return [
        f"{day.site}: {line}"
        for rule in (
            _nothing_made_up,
            _unchanged,
            _no_more_than_one_sensor,
            _apart,
            _dropped_for_a_neighbour,
            _covers,
            _corrections,
        )
        for line in rule(day, kept)
    ]


def _nothing_made_up(day: GeneratedDay, kept: Sequence[Reading]) -> Iterator[str]:
    """Kept readings are documents as they are, one a moment."""
    known = set(day.present)
    if any(reading not in known for reading in kept):
        yield "a kept reading is no document"
    if any(before.at == after.at for before, after in pairwise(kept)):
        yield "a moment is kept twice"


def _unchanged(day: GeneratedDay, kept: Sequence[Reading]) -> Iterator[str]:
    """All that a single regular uploader sends is kept, scans as well."""
    if day.is_plain and list(kept) != sorted(day.present):
        yield f"of a single uploader {len(kept)} of {len(day.present)} documents are kept"


def _no_more_than_one_sensor(day: GeneratedDay, kept: Sequence[Reading]) -> Iterator[str]:
    """A day has no more readings than one sensor gives, but for one at each hand-over."""
    most = (FULL_DAY.end - FULL_DAY.start) // day.every + day.scans + 1 + handovers(day)
    number = sum(FULL_DAY.start <= reading.at < FULL_DAY.end for reading in kept)
    if number > most:
        yield f"{number} readings are kept, one sensor gives {most}"


def handovers(day: GeneratedDay) -> int:
    """How often a trace is handed over: a new phone, a clock that is put right."""
    return day.clocks_put_right + sum(
        uploader.on != day.uploaders[-1].on for uploader in day.uploaders
    )


def longest_cadence(day: GeneratedDay) -> int:
    """The cadence of the uploader that sends least often, microseconds."""
    return day.every * max(uploader.stride for uploader in day.uploaders)


def _apart(day: GeneratedDay, kept: Sequence[Reading]) -> Iterator[str]:
    """Neighbours are at least 0.75 of a cadence apart, unless there are scans.

    Where one uploader hands over to another, at midnight UTC, and after a correction, which comes
    some seconds late, two may be closer.
    """
    near = [
        (before, after)
        for before, after in pairwise(kept)
        if 4 * (after.at - before.at) < 3 * day.every and before.at // DAY == after.at // DAY
    ]
    if len(near) > handovers(day) + len(day.corrected) and not day.scans:
        told = ", ".join(f"{utc(a.at):%H:%M:%S} {utc(b.at):%H:%M:%S}" for a, b in near[:3])
        yield f"{len(near)} neighbours are closer than 0.75 of {day.every // MINUTE} minutes: {told}"


def _dropped_for_a_neighbour(day: GeneratedDay, kept: Sequence[Reading]) -> Iterator[str]:
    """What is dropped has a kept neighbour closer than 0.75 of the longest cadence.

    The neighbour that it gave way to may itself have given way to one of a third uploader. At
    midnight UTC, and where one uploader hands over to another, a reading may be lost.
    """
    near = 3 * longest_cadence(day) // 4 * max(1, len(day.uploaders) - 1)
    alone = [
        reading
        for reading in lonely(day.present, kept, near + (20 * SECOND if day.corrected else 0))
        if longest_cadence(day) < reading.at % DAY < DAY - longest_cadence(day)
    ]
    if len(alone) > handovers(day):
        told = ", ".join(f"{utc(reading.at):%H:%M:%S}" for reading in alone[:3])
        yield f"{len(alone)} documents are dropped that have no kept neighbour: {told}"


def lonely(documents: Iterable[Reading], kept: Sequence[Reading], near: int) -> list[Reading]:
    """Documents that have no kept reading closer than `near`."""
    times = [reading.at for reading in kept]
    found = []
    for reading in documents:
        place = bisect_left(times, reading.at)
        around = times[max(place - 1, 0) : place + 1]
        if all(abs(at - reading.at) >= near for at in around):
            found.append(reading)
    return sorted(found)


def _covers(day: GeneratedDay, kept: Sequence[Reading]) -> Iterator[str]:
    """The trace covers as many minutes as the best uploader alone."""
    cadences = {
        reading.entry_id: uploader.stride * day.every
        for uploader, uploads in zip(day.uploaders, day.uploads, strict=True)
        for reading in uploads
    }
    best = max(covered(day.of_uploader(number), cadences) for number in range(len(day.uploaders)))
    lost = best - covered(kept, cadences)
    if lost > forgiven(day):
        yield f"{lost / MINUTE:.2f} minutes are lost that the best uploader covers"


def forgiven(day: GeneratedDay) -> int:
    """Microseconds that a trace may cover less than the best uploader.

    A correction moves a reading by some seconds. A clock that is put right costs up to 15 minutes,
    and where another uploader takes over, up to a cadence: once, if the best is preferred; if one
    is preferred for its name, wherever it misses something.
    """
    moved = 20 * SECOND * len(day.corrected) + 15 * MINUTE * day.clocks_put_right
    if len(day.uploaders) == 1:
        return moved
    names = {uploader.device is None for uploader in day.uploaders}
    missed = sum(len(uploader.gaps) for uploader in day.uploaders) + len(day.deleted)
    return moved + longest_cadence(day) * (1 + (2 * missed if len(names) == 2 else 0))


def covered(readings: Sequence[Reading], cadences: Mapping[str, int]) -> int:
    """Microseconds of the full day that readings stand for, each at its uploader's cadence."""
    total = 0
    for number, reading in enumerate(readings):
        every = cadences[reading.entry_id]
        following = readings[number + 1].at if number + 1 < len(readings) else FULL_DAY.end + every
        step = following - reading.at
        end = reading.at + (step if 2 * step <= 3 * every else min(every, step))
        total += max(min(end, FULL_DAY.end) - max(reading.at, FULL_DAY.start), 0)
    return total


def _corrections(day: GeneratedDay, kept: Sequence[Reading]) -> Iterator[str]:
    """What a calibration of the single uploader corrected is not kept, if the correction is there."""
    if len(day.uploaders) > 1 or day.deleted or day.clocks_put_right:
        return
    stale = [reading for reading in kept if reading.entry_id in day.corrected]
    if stale:
        yield f"{len(stale)} readings are kept that a calibration replaced"
