"""Events of one year, evenly spread; another edition of them has other values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import ibis
import numpy as np
import pandera.ibis
import pyarrow as pa

from lakehouse import Settings, Window, ingestion

START = datetime(2023, 1, 1, tzinfo=UTC)
_YEAR = timedelta(days=365)
_KINDS = np.array(["one", "two", "three", "four"])


class Events(pandera.ibis.DataFrameModel):
    """What an event is."""

    id: str
    at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field()  # type: ignore[valid-type]
    kind: str
    value: float
    count: int
    note: str


def size(settings: Settings) -> tuple[int, int]:
    """How many events the year has, and their edition."""
    section = settings.section("events")
    return int(float(section["rows"])), int(section["edition"])


@ingestion(table_name="events", unique_key="id", validation_schema=Events, time_column="at")
def events(window: Window, size: tuple[int, int]) -> Iterator[pa.Table]:
    """The events of a window."""
    yield rows(window, *size)


def rows(window: Window, in_all: int, edition: int) -> pa.Table:
    """The events of a window, of so many in the year."""
    apart = _YEAR / in_all
    first, end = (max(0, -((START - edge) // apart)) for edge in (window.start, window.end))
    number = np.arange(first, min(end, in_all))
    return pa.table(
        {
            "id": [f"{each:024x}" for each in number],
            "at": (number * apart.total_seconds() * 1e6 + START.timestamp() * 1e6).astype("M8[us]"),
            "kind": _KINDS[number % len(_KINDS)],
            "value": np.sin(number) * edition,
            "count": number % 97,
            "note": [f"what was noted of event {each}" for each in number % 1009],
        }
    ).cast(SCHEMA)


SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "at": pa.timestamp("us", "UTC"),
        "kind": pa.string(),
        "value": pa.float64(),
        "count": pa.int64(),
        "note": pa.string(),
    }
)
