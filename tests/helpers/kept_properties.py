"""What must hold of the kept readings of a generated day, and what does not, in words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from generated_days import FULL_DAY, GeneratedDay
from witness.moments import DAY, MINUTE, SECOND, utc
from witness.readings import Reading

SLOW = 15 * MINUTE
"""Cadence of the sensors that a person may scan in between."""
LIKE = 5 * MINUTE
"""Cadence of the sensor that three phones of a slow one may look like."""


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
    most = (FULL_DAY.end - FULL_DAY.start) // apparent(day) + day.scans + 1 + handovers(day)
    most += taken_for_scans(day)
    number = sum(FULL_DAY.start <= reading.at < FULL_DAY.end for reading in kept)
    if number > most:
        yield f"{number} readings are kept, one sensor gives {most}"


def apparent(day: GeneratedDay) -> int:
    """The cadence that the sensor seems to have, microseconds.

    Nothing tells three phones of one name, each of which sends five minutes after another, give or
    take a quarter, from one phone of a 5-minute sensor. They do where half of all readings have
    others five minutes before and after.
    """
    if day.every < SLOW or len(day.uploaders) < 3:
        return day.every
    times = sorted({reading.at for reading in day.present})
    amid = sum(is_beside(times, at - LIKE) and is_beside(times, at + LIKE) for at in times)
    is_one_name = len({uploader.device for uploader in day.uploaders}) == 1
    return LIKE if is_one_name and 2 * amid >= len(times) else day.every


def is_beside(times: Sequence[int], about: int) -> bool:
    """Whether a sorted time lies about there, give or take a quarter of five minutes."""
    place = bisect_left(times, about - LIKE // 4)
    return place < len(times) and times[place] <= about + LIKE // 4


def handovers(day: GeneratedDay) -> int:
    """How often a trace is handed over: a new phone, a clock that is put right."""
    return day.clocks_put_right + sum(
        uploader.on != day.uploaders[-1].on for uploader in day.uploaders
    )


def taken_for_scans(day: GeneratedDay) -> int:
    """Readings of another phone under one name that nothing tells from scans.

    They are those of a 15-minute sensor, where phones of one name send beside each other for less
    than a sixth of the time.
    """
    if day.every < SLOW:
        return 0
    found = 0
    for device in {uploader.device for uploader in day.uploaders}:
        times = sorted({reading.at for reading in day.present if reading.device == device})
        beside = sum(4 * (after - before) < 3 * day.every for before, after in pairwise(times))
        found += beside if 6 * (beside - day.scans) < len(times) - beside else 0
    return found


def sent_twice(day: GeneratedDay) -> int:
    """Neighbours, at most, of the few readings that come twice at a hand-over under one name.

    A clock that was ahead gives some minutes twice when it is put right, and so do an old phone and
    a new one. Nothing tells the one or two readings of a 15-minute sensor from scans, or those of a
    1-minute sensor that come seconds after another from corrections.
    """
    minutes = sum(max(uploader.ahead, 0) for uploader in day.uploaders) + sum(
        max(0, one.on.end - other.on.start)
        for one, other in pairwise(day.uploaders)
        if one.on.start < other.on.start and one.device == other.device
    )
    return 2 * -(-minutes // day.every)


def longest_cadence(day: GeneratedDay) -> int:
    """The cadence of the uploader that sends least often, microseconds."""
    return day.every * max(uploader.stride for uploader in day.uploaders)


def _apart(day: GeneratedDay, kept: Sequence[Reading]) -> Iterator[str]:
    """Neighbours are at least 0.75 of the apparent cadence apart, unless there are scans.

    Where one uploader hands over to another, at midnight UTC, and after a correction, which comes
    some seconds late, two may be closer; so may the few that both send at a hand-over.
    """
    every = apparent(day)
    near = [
        (before, after)
        for before, after in pairwise(kept)
        if 4 * (after.at - before.at) < 3 * every and before.at // DAY == after.at // DAY
    ]
    if len(near) > handovers(day) + len(day.corrected) + sent_twice(day) and not day.scans:
        told = ", ".join(f"{utc(a.at):%H:%M:%S} {utc(b.at):%H:%M:%S}" for a, b in near[:3])
        yield f"{len(near)} neighbours are closer than 0.75 of {every // MINUTE} minutes: {told}"


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
        reading.entry_id: day.every * stride(day, uploader.device)
        for uploader, uploads in zip(day.uploaders, day.uploads, strict=True)
        for reading in uploads
    }
    best = max(covered(told_apart(day, number), cadences) for number in range(len(day.uploaders)))
    lost = best - covered(kept, cadences)
    if lost > forgiven(day):
        yield f"{lost / MINUTE:.2f} minutes are lost that the best uploader covers"


def stride(day: GeneratedDay, device: str | None) -> int:
    """The shortest stride of the uploaders of a name.

    An entry does not say of how many minutes it is the only one: that is told from the entries of
    its name, and among those of every minute it stands for a minute.
    """
    return min(uploader.stride for uploader in day.uploaders if uploader.device == device)


def told_apart(day: GeneratedDay, number: int) -> list[Reading]:
    """What an uploader sent, without scans if others have its name.

    An entry does not say that it is a scan: it may as well be another phone's.
    """
    device = day.uploaders[number].device
    is_shared = sum(uploader.device == device for uploader in day.uploaders) > 1
    return [
        reading
        for reading in day.of_uploader(number)
        if not (is_shared and reading.entry_id in day.scanned)
    ]


def forgiven(day: GeneratedDay) -> int:
    """Microseconds that a trace may cover less than the best uploader.

    A correction moves a reading by some seconds. A clock that is put right costs up to 15 minutes,
    and where another uploader takes over, up to a cadence and the jitter of two readings: once, if
    the best is preferred; if one is preferred for its name, wherever it misses something. Where two
    of a name vary by a tenth of the cadence, one that misses a reading or two more may be preferred.
    """
    moved = 20 * SECOND * len(day.corrected) + 15 * MINUTE * day.clocks_put_right
    if len(day.uploaders) == 1:
        return moved
    names = {uploader.device is None for uploader in day.uploaders}
    missed = sum(len(uploader.gaps) for uploader in day.uploaders) + len(day.deleted)
    taken_over = longest_cadence(day) + 2 * max(uploader.jitter for uploader in day.uploaders)
    is_shared = len({uploader.device for uploader in day.uploaders}) < len(day.uploaders)
    varies = is_shared and any(10 * uploader.jitter >= day.every for uploader in day.uploaders)
    return moved + taken_over * (1 + varies + (2 * missed if len(names) == 2 else 0))


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
