"""178 days of one person in one backfill, from nothing."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from bench.day import IMPORTS
from bench.process import Timed, another, lakehouse, repeated, rounded, run

FIRST, LAST = "2023-10-18", "2024-04-12"


def measure(home: Path, times: int = 3) -> dict[str, Any]:
    """The whole process and its pipeline, against the imports that every run needs."""

    def once() -> Timed:
        return lakehouse(another(home), "backfill", "--from", FIRST, "--to", LAST)

    imports, _, _ = repeated(times, lambda: run(["-c", IMPORTS], home))
    seconds, peak, runs = repeated(times, once)
    pipeline = statistics.median(each.json()["seconds"] for each in runs)
    return {
        **rounded({"process_seconds": seconds, "peak_mb": peak, "pipeline_seconds": pipeline}),
        "process_to_imports": round(seconds / imports, 2),
    }
