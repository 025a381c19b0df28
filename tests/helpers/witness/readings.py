"""Readings of a person, and the shared recordings of five people."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple

from witness.moments import Home, Span, instant

MG_PER_MMOL = Decimal("18.01559")
LOWEST, HIGHEST = 39, 600


class Reading(NamedTuple):
    """A document of sensor glucose."""

    at: int
    glucose: int
    entry_id: str
    device: str | None = None


@dataclass(frozen=True)
class Person:
    """A person's readings in order of time, one a moment, and where they live."""

    site: str
    home: Home
    readings: Sequence[Reading]

    def within(self, span: Span) -> list[int]:
        """Positions of the readings of a span."""
        first = bisect_left(self.readings, span.start, key=_at)
        return list(range(first, bisect_left(self.readings, span.end, key=_at)))

    def dates(self) -> list[date]:
        """Local days with readings."""
        return sorted({self.home.local(reading.at).date() for reading in self.readings})


def of_the_sensor(documents: Iterable[Reading]) -> list[Reading]:
    """Sensor glucose alone: 39 to 600 mg/dL; below are a sensor's codes of errors."""
    return [document for document in documents if LOWEST <= document.glucose <= HIGHEST]


def _at(reading: Reading) -> int:
    return reading.at


def recording(file: Path, device: str | None = None) -> list[Reading]:
    """The readings of a recording of T1D-UOM, whose times are read as UTC, in its own order."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [
            Reading(
                instant(datetime.strptime(row["bg_ts"], "%d/%m/%Y %H:%M").replace(tzinfo=UTC)),
                mg_dl(row["value"]),
                f"{number:06}",
                device,
            )
            for number, row in enumerate(csv.DictReader(lines))
        ]


def mg_dl(mmol: str) -> int:
    """Whole mg/dL of mmol/L, a half rounded up."""
    return int((Decimal(mmol) * MG_PER_MMOL).quantize(Decimal(1), ROUND_HALF_UP))
