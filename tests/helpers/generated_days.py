"""Days of people whose glucose reaches Nightscout in every odd way.

One to three uploaders with and without names, at any offset and jitter; sensors of 1, 5 and 15
minutes, with scans in between; a new phone at noon; clocks that are put right; calibrations seconds
after a reading; gaps; documents that are repeated, deleted, and arrive in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from witness.moments import DAY, HOUR, MINUTE, SECOND, Span, instant
from witness.readings import Reading

MIDNIGHT = instant(datetime(2024, 3, 15, tzinfo=UTC))
FULL_DAY = Span(MIDNIGHT, MIDNIGHT + DAY)
"""The day that every sensor is worn through; it may be on for some hours before and after."""
NOON = MIDNIGHT + 12 * HOUR
ALWAYS = Span(MIDNIGHT - DAY, MIDNIGHT + 2 * DAY)
NAMES = (
    ("phone", "cloud", "watch"),
    ("phone", "phone", "phone"),
    ("phone", None, "cloud"),
    (None, "phone", None),
    (None, None, None),
)


class Sample(NamedTuple):
    """What a sensor measured."""

    at: int
    glucose: int
    is_scan: bool = False


class Sent(NamedTuple):
    """What an uploader sent of a sample."""

    at: int
    glucose: int
    is_scan: bool
    corrects: int | None = None
    """Time of the document that it corrects."""


@dataclass(frozen=True)
class Uploader:
    """What becomes of samples on one way to Nightscout."""

    device: str | None
    stride: int = 1
    offset: int = 0
    jitter: int = 0
    on: Span = ALWAYS
    gaps: tuple[Span, ...] = ()
    put_right_at: int = MIDNIGHT - DAY
    ahead: int = 0
    """How far its clock was ahead until it was put right."""
    calibrations: frozenset[int] = frozenset()
    """Numbers of the samples that a calibration corrected."""


@dataclass(frozen=True)
class GeneratedDay:
    """Documents of a person in order of arrival, and how they came about."""

    site: str
    every: int
    """The sensor's cadence, microseconds."""
    uploaders: tuple[Uploader, ...]
    uploads: tuple[tuple[Reading, ...], ...]
    """What each uploader sent."""
    arrived: tuple[Reading, ...]
    deleted: frozenset[str] = frozenset()
    corrected: frozenset[str] = field(default=frozenset())
    """Entries that a calibration replaced."""
    scanned: frozenset[str] = field(default=frozenset())
    """Entries of what a person scanned."""
    scans: int = 0
    """How often a person scanned."""

    @property
    def present(self) -> list[Reading]:
        """Documents that were not deleted, in order of arrival."""
        return [reading for reading in self.arrived if reading.entry_id not in self.deleted]

    def of_uploader(self, number: int) -> list[Reading]:
        """What is left of what an uploader sent, in order of time."""
        return sorted(
            reading for reading in self.uploads[number] if reading.entry_id not in self.deleted
        )

    @property
    def clocks_put_right(self) -> int:
        return sum(uploader.ahead != 0 for uploader in self.uploaders)

    @property
    def is_plain(self) -> bool:
        """Whether a single uploader sends each sample once, in good time."""
        return len(self.uploaders) == 1 and not self.clocks_put_right and not self.corrected


def generated_day(seed: int) -> GeneratedDay:
    """The day that a seed stands for."""
    chance = Random(seed)
    every = chance.choices([1, 5, 15], [1, 12, 6])[0] * MINUTE
    samples = _worn(chance, every)
    uploaders = _uploaders(chance, every, samples)
    arriving = [
        (number, sent)
        for number, uploader in enumerate(uploaders)
        for sent in _sent(chance, uploader, samples)
    ]
    chance.shuffle(arriving)
    uploads: list[list[Reading]] = [[] for _ in uploaders]
    arrived = []
    moments: dict[tuple[int, int], str] = {}
    for place, (number, sent) in enumerate(arriving):
        reading = Reading(sent.at, sent.glucose, f"{place:05}", uploaders[number].device)
        uploads[number].append(reading)
        arrived.append(reading)
        moments[number, sent.at] = reading.entry_id
    corrected = {
        moments[number, sent.corrects] for number, sent in arriving if sent.corrects is not None
    }
    lost = chance.sample(arrived, min(chance.choice([0, 0, 1, 20]), len(arrived)))
    return GeneratedDay(
        site=f"{seed:010}",
        every=every,
        uploaders=uploaders,
        uploads=tuple(map(tuple, uploads)),
        arrived=tuple(arrived),
        deleted=frozenset(reading.entry_id for reading in lost),
        corrected=frozenset(corrected),
        scanned=frozenset(moments[number, sent.at] for number, sent in arriving if sent.is_scan),
        scans=sum(sample.is_scan for sample in samples),
    )


def _worn(chance: Random, every: int) -> list[Sample]:
    """What a sensor measures on the day, and some hours around it."""
    first = MIDNIGHT - chance.choice([0, chance.randrange(3 * HOUR)])
    end = MIDNIGHT + DAY + chance.choice([0, chance.randrange(3 * HOUR)])
    first += chance.randrange(every // SECOND) * SECOND if first == MIDNIGHT else 0
    samples, glucose = [], chance.randint(60, 200)
    for at in range(first, end, every):
        glucose = min(max(glucose + chance.randint(-12, 12), 40), 390)
        samples.append(Sample(at, glucose))
        if every == 15 * MINUTE and chance.random() < 0.1:
            between = at + chance.randrange(6 * MINUTE, 9 * MINUTE)  # no correction, however late
            samples.append(
                Sample(between, min(max(glucose + chance.randint(-9, 9), 40), 390), True)
            )
    return samples if chance.random() < 0.6 else [each for each in samples if not each.is_scan]


def _uploaders(chance: Random, every: int, samples: list[Sample]) -> tuple[Uploader, ...]:
    count = chance.choice([1, 1, 2, 2, 2, 3])
    names = chance.choice(NAMES)
    switches = count > 1 and chance.random() < 0.25
    overlap = chance.choice([0, chance.randrange(20 * MINUTE)])
    found = []
    for number in range(count):
        on = ALWAYS
        if switches and number == 0:
            on = Span(on.start, NOON + overlap)
        elif switches and number == 1:
            on = Span(NOON, on.end)
        is_wrong = chance.random() < 0.1
        found.append(
            Uploader(
                device=names[number],
                stride=5 if every == MINUTE and number and chance.random() < 0.5 else 1,
                offset=chance.choice([0, 3 * SECOND, every // 2, chance.randrange(every)]),
                jitter=chance.choice([0, 0, 2 * SECOND, every // 10]),
                on=on,
                gaps=tuple(_gap(chance) for _ in range(chance.choice([0, 0, 1, 3]))),
                put_right_at=MIDNIGHT + chance.randrange(DAY),
                ahead=chance.choice([-1, 1]) * chance.randrange(5 * SECOND, 10 * MINUTE)
                if is_wrong
                else 0,
                calibrations=frozenset(
                    chance.sample(range(len(samples)), chance.choice([1, 3]))
                    if chance.random() < 0.15
                    else ()
                ),
            )
        )
    return tuple(found)


def _gap(chance: Random) -> Span:
    start = MIDNIGHT + chance.randrange(DAY)
    return Span(start, start + chance.choice([20 * MINUTE, chance.randrange(5 * HOUR)]))


def _sent(chance: Random, uploader: Uploader, samples: Iterable[Sample]) -> Iterator[Sent]:
    """What an uploader sends of samples."""
    for number, sample in enumerate(samples):
        away = not uploader.on.start <= sample.at < uploader.on.end
        if number % uploader.stride or away or any(a <= sample.at < b for a, b in uploader.gaps):
            continue
        late = chance.randrange(-uploader.jitter, uploader.jitter + 1) if uploader.jitter else 0
        at = sample.at + uploader.offset + late
        at += uploader.ahead if sample.at < uploader.put_right_at else 0
        at = at // 1000 * 1000  # Nightscout knows milliseconds
        yield Sent(at, sample.glucose, sample.is_scan)
        if number in uploader.calibrations:
            glucose = sample.glucose + chance.choice([-30, -12, 12, 30])
            late = chance.randrange(2, 20) * SECOND
            yield Sent(at + late, max(glucose, 40), sample.is_scan, corrects=at)
