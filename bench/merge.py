"""Ten thousand changed rows into a million, against PyIceberg's `upsert` of the same rows."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.events.raw import SCHEMA, START, rows
from bench.process import ROOT, Timed, lakehouse, rounded
from lakehouse import config
from lakehouse.session import Session
from lakehouse.windows import Window

PROJECT = ROOT / "bench" / "events"
ROWS, TABLE = 1_000_000, "raw.events"
_CHANGED_FROM, _CHANGED_DAYS = 361, 4
"""The newest days of the year, which is where corrections come: a little over ten thousand rows."""


def measure(home: Path) -> dict[str, Any]:
    """Seconds of validating and merging, and of `upsert`; and how many files were rewritten."""
    first = _run(home, 0, 365, edition=1)
    before = _files(home)
    second = _run(home, _CHANGED_FROM, _CHANGED_DAYS, edition=2)
    after = _files(home)
    (merged,) = (n for n in second.json()["nodes"] if n["node"] == TABLE)
    ours = sum(n["seconds"] for n in second.json()["nodes"] if n["step"] in ("validate", "merge"))
    upsert = _upsert(home.parent / "upsert")
    return {
        "merged": merged["note"],
        "files": len(before),
        "files_rewritten": len(before - after),
        **rounded(
            {
                "seconds": ours,
                "process_seconds": second.seconds,
                "peak_mb": second.peak_mb,
                "upsert_seconds": upsert,
                "first_load_seconds": first.seconds,
            }
        ),
        "upsert_to_ours": round(upsert / ours, 1),
    }


def _run(home: Path, day: int, days: int, *, edition: int) -> Timed:
    first = (START + timedelta(days=day)).date()
    span = ("--from", f"{first}", "--to", f"{first + timedelta(days=days - 1)}")
    return lakehouse(
        home,
        *("backfill", *span, "--select", "layer:raw"),
        project=PROJECT,
        EVENTS=str(ROWS),
        EVENTS_EDITION=str(edition),
    )


def _files(home: Path) -> set[str]:
    with Session(config.load(PROJECT, {"LAKEHOUSE_HOME": str(home)})) as session:
        return {file.path for file in session.catalog.files("main", TABLE)}


def _upsert(folder: Path) -> float:
    """Seconds that PyIceberg needs for the same rows in a table of its own."""
    from pyiceberg.catalog.sql import SqlCatalog

    folder.mkdir(parents=True)
    catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=str(folder))
    catalog.create_namespace("raw")
    table = catalog.create_table(TABLE, SCHEMA)
    table.append(_rows(0, 365, edition=1))
    changed = _rows(_CHANGED_FROM, _CHANGED_DAYS, edition=2)
    started = time.perf_counter()
    table.upsert(changed, join_cols=["id"])
    return time.perf_counter() - started


def _rows(day: int, days: int, *, edition: int) -> pa.Table:
    start = START + timedelta(days=day)
    return rows(Window(start, start + timedelta(days=days)), ROWS, edition)
