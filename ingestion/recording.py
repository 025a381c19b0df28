"""The bundled recording of one person's sensor, as documents of Nightscout.

T1D-UOM, participant 2310, CC BY 4.0; `data/t1d_uom/README.md` names the source.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime
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
"""Milliseconds between readings beyond which nothing is said about a direction."""
_DIRECTIONS = (
    (-3.0, "DoubleDown"),
    (-2.0, "SingleDown"),
    (-1.0, "FortyFiveDown"),
    (1.0, "Flat"),
    (2.0, "FortyFiveUp"),
    (3.0, "SingleUp"),
)
"""Rates in mg/dL a minute, each with the name of what lies at or below it."""


@dataclass(frozen=True)
class Recording:
    """The readings of `file`, oldest first; a document is made when it is asked for."""

    file: Path = FILE

    def find(self, query: Query) -> list[Any]:
        """The documents that match, newest first, cut to `query.count`."""
        if query.type not in (None, "sgv"):
            return []
        dates, _ = self._readings
        first, end = bisect_left(dates, query.start), bisect_left(dates, query.end)
        if query.count:
            first = max(first, end - query.count)
        return [self._document(index) for index in range(end - 1, first - 1, -1)]

    @cached_property
    def _readings(self) -> tuple[list[int], list[int]]:
        """Epoch milliseconds and mg/dL."""
        table = csv.read_csv(
            self.file,
            convert_options=csv.ConvertOptions(
                timestamp_parsers=["%d/%m/%Y %H:%M"],
                column_types={"bg_ts": pa.timestamp("ms"), "value": pa.float64()},
            ),
        )
        glucose = pc.round(pc.multiply(table["value"], MG_PER_MMOL)).cast(pa.int64())
        return table["bg_ts"].cast(pa.int64()).to_pylist(), glucose.to_pylist()

    def _document(self, index: int) -> dict[str, Any]:
        dates, glucose = self._readings
        date = dates[index]
        at = datetime.fromtimestamp(date // 1000, UTC).isoformat()[:19] + ".000Z"
        direction = self._direction(index)
        return {
            "_id": f"{date // 1000:08x}{index:016x}",  # begins with its seconds, as ObjectIds do
            "device": DEVICE,
            "date": date,
            "dateString": at,
            "sgv": glucose[index],
            **({"direction": direction} if direction else {}),
            "type": "sgv",
            "utcOffset": 0,
            "sysTime": at,
        }

    def _direction(self, index: int) -> str | None:
        dates, glucose = self._readings
        step = dates[index] - dates[index - 1] if index else 0
        if not 0 < step <= _LONGEST_STEP:
            return None
        rate = (glucose[index] - glucose[index - 1]) * 60_000 / step
        return next((name for limit, name in _DIRECTIONS if rate <= limit), "DoubleUp")
