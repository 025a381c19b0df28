"""The production profile of the environment: a backfill of the recording, days, and their parts.

`source .stack/main/env`, then `python -m bench.production`, on a stack that nothing was run on. Two
models are built side by side, and two marts are loaded; fetching, merging and the commit wait. The
compiler of a Trino that has just started has not seen the planner at work: the first day takes much
longer than the last ones.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench.process import Timed, lakehouse

FIRST, LAST = date(2023, 10, 18), date(2024, 4, 12)
WARM_UP = 20
"""Days that are run one after the other before those that count."""
_COUNTED = 3


def measure(home: Path) -> dict[str, Any]:
    """All days but the last ones in a backfill, those one by one, and the last with nothing new."""
    single = [LAST - timedelta(days=back) for back in reversed(range(WARM_UP + _COUNTED))]
    backfill = lakehouse(
        home, "backfill", "--from", f"{FIRST}", "--to", f"{single[0] - timedelta(days=1)}"
    )
    days = [lakehouse(home, "run", "--date", f"{day}") for day in single]
    again = lakehouse(home, "run", "--date", f"{LAST}")
    counted = sorted(days[-_COUNTED:], key=lambda timed: float(timed.json()["seconds"]))
    return {
        "backfill": _told(backfill),
        "first_day": _told(days[0]),
        "warm_day": _told(counted[_COUNTED // 2]),
        "nothing_new": _told(again),
        "pipeline_seconds_of_days": [round(each.json()["seconds"], 2) for each in days],
    }


def _told(timed: Timed) -> dict[str, Any]:
    report = timed.json()
    steps: dict[str, float] = {}
    for node in report["nodes"]:
        steps[node["step"]] = steps.get(node["step"], 0.0) + node["seconds"]
    return {
        "process_seconds": round(timed.seconds, 3),
        "cpu_seconds": round(timed.cpu_seconds, 3),
        "pipeline_seconds": round(report["seconds"], 3),
        "by_step": {step: round(seconds, 3) for step, seconds in steps.items()},
        "by_node": {node["node"]: round(node["seconds"], 3) for node in report["nodes"]},
    }


if __name__ == "__main__":
    if os.environ.get("LAKEHOUSE_PROFILE") != "production":
        sys.exit("set the variables of a stack first: source .stack/main/env")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps({"cores": os.cpu_count(), **measure(Path(folder) / "home")}, indent=1))
