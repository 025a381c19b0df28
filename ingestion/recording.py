"""The bundled recording of one person's sensor, as documents of Nightscout.

T1D-UOM, participant 2310, CC BY 4.0; `data/t1d_uom/README.md` names the source.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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
        documents = [
            _document(index, at, dates, glucose)
            for index, at in enumerate(_written(dates[first:end]), first)
        ]
        return documents[::-1]

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
        return table["bg_ts"].cast(pa.int64()).to_pylist(), glucose.to_pylist()


def _written(dates: Sequence[int]) -> list[str]:
    """Return epoch milliseconds as JavaScript writes instants."""
    plain = pa.array(dates, pa.timestamp("ms")).cast(pa.string())
    written = pc.binary_join_element_wise(pc.replace_substring(plain, " ", "T"), "Z", "")
    texts: list[str] = written.to_pylist()
    return texts


def _document(index: int, at: str, dates: Sequence[int], glucose: Sequence[int]) -> dict[str, Any]:
    """Return one reading as an uploader would have sent it."""
    return {
        "_id": f"{dates[index] // 1000:08x}{index:016x}",  # seconds come first, as in ObjectIds
        "device": DEVICE,
        "date": dates[index],
        "dateString": at,
        "sgv": glucose[index],
        **_direction(index, dates, glucose),
        "type": "sgv",
        "utcOffset": 0,
        "sysTime": at,
    }


def _direction(index: int, dates: Sequence[int], glucose: Sequence[int]) -> dict[str, str]:
    """Return the direction since the reading before; empty if that is too long ago."""
    step = dates[index] - dates[index - 1] if index else 0
    if not 0 < step <= _LONGEST_STEP:
        return {}
    rate = (glucose[index] - glucose[index - 1]) * 60_000 / step
    return {"direction": _DIRECTIONS[bisect_left(_RATES, rate)]}
