"""Ten thousand changed rows into a million, against PyIceberg's `upsert` of the same rows."""

from __future__ import annotations

import statistics
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.events.raw import START
from bench.process import ROOT, Timed, lakehouse, rounded, run
from bench.upsert import CHANGED_DAYS, CHANGED_FROM, ROWS, TABLE
from lakehouse import config
from lakehouse.session import Session

PROJECT = ROOT / "bench" / "events"


def measure(home: Path, times: int = 5) -> dict[str, Any]:
    """Seconds of validating and merging, and of `upsert`; and how many files were rewritten."""
    first = _run(home, 0, 365, edition=1)
    table = str(home.parent / "upsert")
    run(["-m", "bench.upsert", table, "1"], home)
    merges, upserts = [], []
    for edition in range(2, times + 2):  # in turn, as both should meet the same machine
        before = _files(home)
        merges.append(_run(home, CHANGED_FROM, CHANGED_DAYS, edition=edition))
        upserts.append(run(["-m", "bench.upsert", table, str(edition)], home))
    (merged,) = (n for n in merges[-1].json()["nodes"] if n["node"] == TABLE)
    ours = statistics.median(map(_seconds, merges))
    upsert = statistics.median(float(each.json()) for each in upserts)
    return {
        "merged": merged["note"],
        "files": len(before),
        "files_rewritten": len(before - _files(home)),
        **rounded(
            {
                "seconds": ours,
                "process_seconds": statistics.median(each.seconds for each in merges),
                "peak_mb": max(each.peak_mb for each in merges),
                "upsert_seconds": upsert,
                "first_load_seconds": first.seconds,
            }
        ),
        "upsert_to_ours": round(upsert / ours, 1),
    }


def _seconds(merge: Timed) -> float:
    """Of validating and merging alone."""
    steps = ("validate", "merge")
    return sum(float(n["seconds"]) for n in merge.json()["nodes"] if n["step"] in steps)


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
