"""People who do not exist, and their sensors: a function of person and time, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from lakehouse import Window
from lakehouse.engines.duckdb import connect

ENTRIES = Path(__file__).with_name("entries.sql").read_text(encoding="utf-8")
SITES = """
SELECT
    format('person{:04d}', person) AS site,
    ['Europe/London', 'America/New_York', 'Asia/Kolkata', 'Australia/Sydney',
     'America/Sao_Paulo', 'UTC'][person % 6 + 1] AS timezone,
    CASE WHEN person = 9 THEN [{  -- from Sydney over the date line
        'since': DATE '2023-03-20',
        'timezone': 'America/Los_Angeles',
        'starts_at': TIMESTAMPTZ '2023-03-19 13:00:00+00'
    }] END AS travels
FROM range($people) AS people (person)
"""
_PAGE = 122_880  # rows


@dataclass(frozen=True)
class People:
    """So many people."""

    count: int

    def entries(self, window: Window) -> Iterator[pa.Table]:
        """Every entry in `window`, as the client of Nightscout yields them: fields are text."""
        start, end = milliseconds(window)
        with connect(extensions=("icu",)).connection as connection:
            asked = {"people": self.count, "start": start, "end": end}
            for batch in connection.execute(ENTRIES, asked).to_arrow_reader(_PAGE):
                yield pa.Table.from_batches([batch])

    def sites(self) -> pa.Table:
        """The people, each with a time zone."""
        with duckdb.connect() as connection:
            return connection.execute(SITES, {"people": self.count}).to_arrow_table()


def milliseconds(window: Window) -> tuple[int, int]:
    """Where a window starts and ends, as entries are dated."""
    start, end = (round(edge.timestamp() * 1000) for edge in (window.start, window.end))
    return start, end
