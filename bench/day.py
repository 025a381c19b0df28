"""A day's run: the whole process, its pipeline, and each step of it."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from bench.process import Timed, another, lakehouse, repeated, rounded, run

IMPORTS = (
    "import os; os.environ['HAMILTON_AUTOLOAD_EXTENSIONS'] = '0'; import hamilton.driver,"
    " pandera.ibis, pyiceberg.catalog.sql, ibis.backends.duckdb, dlt, psycopg"
)
"""The libraries that a run works with, one after the other: what a run has to share out."""
DAY = "2024-03-15"


def measure(home: Path, times: int = 5) -> dict[str, Any]:
    """A first day on an empty home, the next day, and a day with nothing new."""

    def first() -> Timed:
        nonlocal home
        home = another(home)
        return lakehouse(home, "run", "--date", DAY)

    imports, _, _ = repeated(times, lambda: run(["-c", IMPORTS], home))
    figures: dict[str, Any] = {"imports_seconds": round(imports, 3)}
    lakehouse(home, "run", "--date", DAY)  # the project's own bytecode is made once
    for name, once in (
        ("first_day", first),
        ("next_day", lambda: _next(home)),
        ("nothing_new", lambda: lakehouse(home, "run", "--date", DAY)),
    ):
        seconds, peak, runs = repeated(times, once)
        figures[name] = {
            **rounded({"process_seconds": seconds, "cpu_seconds": _cpu(runs), "peak_mb": peak}),
            "process_to_imports": round(seconds / imports, 2),
            "pipeline_seconds": round(statistics.median(r.json()["seconds"] for r in runs), 3),
            "steps": _steps(runs),
        }
    return figures


def _next(home: Path) -> Timed:
    """One more day after the ones that were run."""
    count = len(list((home / "warehouse/runs").iterdir()))
    return lakehouse(home, "run", "--date", f"2024-03-{15 + count % 14:02d}")


def _cpu(runs: list[Timed]) -> float:
    return statistics.median(each.cpu_seconds for each in runs)


def _steps(runs: list[Timed]) -> dict[str, float]:
    """The median seconds of every node."""
    times: dict[str, list[float]] = {}
    for each in runs:
        for node in each.json()["nodes"]:
            times.setdefault(node["node"], []).append(node["seconds"])
    return rounded({node: statistics.median(seconds) for node, seconds in times.items()})
