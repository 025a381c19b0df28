"""The bundled recording of one person's sensor, as documents of Nightscout.

T1D-UOM, participant 2310, CC BY 4.0; `data/t1d_uom/README.md` names the source.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ingestion.query import Query

FILE = Path(__file__).parent / "data" / "t1d_uom" / "UoMGlucose2310.csv.gz"
MG_PER_MMOL = 18.01559
DEVICE = "T1D-UOM 2310"

_LONGEST_STEP = 15 * 60_000
"""Milliseconds between two readings, at most, for which a direction is given."""
_RATES = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)
"""Rates in mg/dL a minute, each the highest of a direction; the last direction has no limit."""
_DIRECTIONS = (
    "DoubleDown",
    "SingleDown",
    "FortyFiveDown",
    "Flat",
    "FortyFiveUp",
    "SingleUp",
    "DoubleUp",
)


@dataclass(frozen=True)
class Recording:
    """The readings of `file`, oldest first; documents are made only for queries."""

    file: Path = FILE

    def find(self, query: Query) -> list[Any]:
        """Return the documents that match, newest first, cut to `query.count`."""
        if query.type not in (None, "sgv"):
            return []
        dates, glucose = self._readings
        first, end = bisect_left(dates, query.start), bisect_left(dates, query.end)
        if query.count:
            first = max(first, end - query.count)
        before = max(first - 1, 0)  # the reading whose rate of change is the first one's
        found = [*_directions(dates[before:end], glucose[before:end])]
        directions = found[first - before : end - before]
        dates, glucose = dates[first:end], glucose[first:end]
        rows = zip(range(first, end), dates, _written(dates), glucose, directions, strict=True)
        return [_document(*row) for row in rows][::-1]

    @cached_property
    def _readings(self) -> tuple[list[int], list[int]]:
        """Times in epoch milliseconds, and glucose in mg/dL."""
        table = csv.read_csv(
            self.file,
            convert_options=csv.ConvertOptions(
                timestamp_parsers=["%d/%m/%Y %H:%M"],
                column_types={"bg_ts": pa.timestamp("ms"), "value": pa.float64()},
            ),
        )
        glucose = pc.round(pc.multiply(table["value"], MG_PER_MMOL)).cast(pa.int64())
        return _numbers(table["bg_ts"].cast(pa.int64())), _numbers(glucose)


def _numbers(column: pa.ChunkedArray) -> list[int]:
    """Return whole numbers, none of them null; Arrow's `to_pylist` takes fifty times as long."""
    numbers: list[int] = []
    for chunk in column.chunks:
        values = memoryview(chunk.buffers()[1]).cast("q")
        numbers += values[chunk.offset : chunk.offset + len(chunk)].tolist()
    return numbers


def _written(dates: Sequence[int]) -> list[str]:
    """Return epoch milliseconds as JavaScript writes instants."""
    plain = pa.array(dates, pa.timestamp("ms")).cast(pa.string())
    written = pc.binary_join_element_wise(pc.replace_substring(plain, " ", "T"), "Z", "")
    texts: list[str] = written.to_pylist()
    return texts


def _document(
    index: int, date: int, at: str, glucose: int, direction: str | None
) -> dict[str, Any]:
    """Return one reading as an uploader would have sent it."""
    key = f"{date // 1000:08x}{index:016x}"  # seconds come first, as in ObjectIds
    sent = {"_id": key, "device": DEVICE, "date": date, "dateString": at, "sgv": glucose}
    if direction is not None:
        sent["direction"] = direction
    sent["type"] = "sgv"
    sent["utcOffset"] = 0
    sent["sysTime"] = at
    return sent


def _directions(dates: Sequence[int], glucose: Sequence[int]) -> Iterator[str | None]:
    """Yield the direction of each reading since the one before; None if that is too long ago."""
    yield None
    for (earlier, before), (later, after) in pairwise(zip(dates, glucose, strict=True)):
        step = later - earlier
        if 0 < step <= _LONGEST_STEP:
            yield _DIRECTIONS[bisect_left(_RATES, (after - before) * 60_000 / step)]
        else:
            yield None
