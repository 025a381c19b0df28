"""One more day on short and long histories: what a day costs should not depend on the past.

One person's recording, and two hundred made-up people who all have news; `BENCH_PEOPLE` says how
many, `BENCH_DAYS` how long their long history is: 365 days of 200 people are 21 million readings.
"""

from __future__ import annotations

import os
import statistics
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.process import ROOT, Timed, another, lakehouse, rounded

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "200"))
LONG = int(os.environ.get("BENCH_DAYS", "365"))
_SHORT, _RECORDED = 30, 174
_LAST = {"person": date(2024, 4, 9), "people": date(2024, 3, 1)}
_PIECE = 90
"""Days that are ingested at a time."""


def measure(home: Path, times: int = 3) -> dict[str, Any]:
    """The whole process of one more day on each history, and its ratio to that on 30 days."""
    found = {}
    for who, long in (("person", _RECORDED), ("people", LONG)):
        short_history, long_history = (_more(home, who, days, times) for days in (_SHORT, long))
        found[who] = {
            f"on_{_SHORT}_days": short_history,
            f"on_{long}_days": long_history,
            "long_to_short": {
                figure: round(long_history[figure] / short_history[figure], 2)
                for figure in ("process_seconds", "cpu_seconds")
            },
        }
    return found


def _more(home: Path, who: str, days: int, times: int) -> dict[str, float]:
    """Build a history that ends with the day before the last, and add a day `times` times."""
    home = another(home)
    last = _LAST[who]
    first = last - timedelta(days=days)
    while first < last:
        end = min(first + timedelta(days=_PIECE), last)
        _lakehouse(
            home, who, "backfill", "--from", f"{first}", "--to", f"{end - timedelta(days=1)}"
        )
        first = end
    runs = [
        _lakehouse(home, who, "run", "--date", f"{last + timedelta(days=each)}")
        for each in range(times)
    ]
    read = [node["rows"] for node in runs[0].json()["nodes"] if node["step"] == "merge"]
    return rounded(
        {
            "process_seconds": statistics.median(each.seconds for each in runs),
            "cpu_seconds": statistics.median(each.cpu_seconds for each in runs),
            "pipeline_seconds": statistics.median(each.json()["seconds"] for each in runs),
            "peak_mb": max(each.peak_mb for each in runs),
            "new_rows": max(read),
        }
    )


def _lakehouse(home: Path, who: str, *words: str) -> Timed:
    project = ROOT if who == "person" else ROOT / "bench" / "synthetic"
    return lakehouse(home, *words, project=project, SYNTHETIC_PEOPLE=str(PEOPLE))
