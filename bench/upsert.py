"""`python -m bench.upsert FOLDER EDITION`: PyIceberg's own way of merging, in a process like ours.

The first edition is loaded; of a later one the rows that changed are merged. Prints the seconds.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

from bench.events.raw import SCHEMA, START, rows
from lakehouse.windows import Window

ROWS, TABLE = 1_000_000, "raw.events"
CHANGED_FROM, CHANGED_DAYS = 361, 4
"""The newest days of the year, which is where corrections come: a little over ten thousand rows."""


def main() -> None:
    """Load all rows, or merge the changed ones."""
    folder, edition = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=str(folder))
    if edition == 1:
        catalog.create_namespace("raw")
        catalog.create_table(TABLE, SCHEMA).append(_rows(0, 365, edition))
        return
    table, changed = catalog.load_table(TABLE), _rows(CHANGED_FROM, CHANGED_DAYS, edition)
    started = time.perf_counter()
    table.upsert(changed, join_cols=["id"])
    print(json.dumps(time.perf_counter() - started))


def _rows(day: int, days: int, edition: int) -> pa.Table:
    start = START + timedelta(days=day)
    return rows(Window(start, start + timedelta(days=days)), ROWS, edition)


if __name__ == "__main__":
    main()
