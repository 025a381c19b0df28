"""All models over many made-up readings, against SQL written by hand for the same files.

`BENCH_READINGS` says about how many: a million unless told; ten and a hundred are what to look at.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bench import history
from bench.by_hand.compare import differing, link_raw
from bench.process import ROOT, Timed, lakehouse, rounded, run
from lakehouse import config
from lakehouse.session import Session

PROJECT = ROOT / "bench" / "synthetic"
FIRST, DAYS = date(2023, 1, 1), 347
READINGS = int(float(os.environ.get("BENCH_READINGS", "1e6")))
_A_DAY = 288


def measure(home: Path, times: int = 1 if READINGS > 5e7 else 3) -> dict[str, Any]:
    """Seconds and memory of both, their ratios, and the seconds of each model and statement."""
    with _open(home) as session:
        history.write(session, _people(), FIRST, FIRST + timedelta(days=DAYS - 1))
    last_day = FIRST + timedelta(days=DAYS - 1)
    refresh = ("run", "--date", f"{last_day}", "--full-refresh", "--exclude", "layer:raw")
    out = home / "by_hand"
    with _open(home) as session:
        raw = link_raw(session, home / "by_hand_raw")
    ours, by_hand = [], []
    # In turn, as both should meet the same machine. The first of ours also compiles the project and
    # sets up Postgres, once for all: the median of three leaves that out.
    for _ in range(times):
        ours.append(_lakehouse(home, *refresh))
        shutil.rmtree(out, ignore_errors=True)
        by_hand.append(run(["-m", "bench.by_hand", *raw, str(out)], home))
    with _open(home) as session:
        found = differing(session, out)
    if found:
        sys.exit(f"tables differ: {found}")
    models, statements = [_models(each) for each in ours], [each.json() for each in by_hand]
    figures = {
        "process_seconds": (_seconds(ours), _seconds(by_hand)),
        "build_seconds": (_sum(models), _sum(statements)),
        "peak_mb": (_peak(ours), _peak(by_hand)),
    }
    return {
        "people": _people(),
        "refresh": rounded({name: figure for name, (figure, _) in figures.items()}),
        "by_hand": rounded({name: figure for name, (_, figure) in figures.items()}),
        "to_by_hand": rounded({name: figure / hand for name, (figure, hand) in figures.items()}),
        "models": _medians(models),
        "statements": _medians(statements),
    }


def _models(refresh: Timed) -> dict[str, float]:
    nodes = refresh.json()["nodes"]
    return {node["node"]: node["seconds"] for node in nodes if node["step"] == "model"}


def _seconds(runs: Sequence[Timed]) -> float:
    return statistics.median(each.seconds for each in runs)


def _peak(runs: Sequence[Timed]) -> float:
    return max(each.peak_mb for each in runs)


def _sum(runs: Sequence[Mapping[str, float]]) -> float:
    return statistics.median(sum(each.values()) for each in runs)


def _medians(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return rounded({name: statistics.median(each[name] for each in runs) for name in runs[0]})


def _people() -> int:
    return max(1, round(READINGS / (DAYS * _A_DAY)))


def _lakehouse(home: Path, *words: str) -> Timed:
    """Run a command of the made-up project."""
    return lakehouse(home, *words, project=PROJECT, SYNTHETIC_PEOPLE=str(_people()))


def _open(home: Path) -> Session:
    return Session(config.load(PROJECT, {"LAKEHOUSE_HOME": str(home)}))
