"""The production profile of the environment: a backfill of the recording, a day, and its parts.

`source .stack/main/env`, then `python -m bench.production`, on a stack that nothing was run on. Two
models are built side by side; fetching, merging, the commit and the publication wait.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.process import Timed, lakehouse

FIRST, LAST, NEXT = "2023-10-18", "2024-04-11", "2024-04-12"


def measure(home: Path) -> dict[str, Any]:
    """All days but the last, the last one, and that once more, with nothing new."""
    backfill = lakehouse(home, "backfill", "--from", FIRST, "--to", LAST)
    day, again = (lakehouse(home, "run", "--date", NEXT) for _ in range(2))
    return {"backfill": _told(backfill), "next_day": _told(day), "nothing_new": _told(again)}


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
