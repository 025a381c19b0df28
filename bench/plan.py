"""Planning five hundred models, and a run of them that finds nothing new."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.day import IMPORTS
from bench.process import Timed, lakehouse, repeated, rounded, run

MODELS, _WIDTH = 500, 20
_INGESTION = """
from datetime import UTC, datetime

import ibis
import pandera.ibis
import pyarrow as pa

from lakehouse import Window, ingestion


class Events(pandera.ibis.DataFrameModel):
    id: str
    at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field()
    value: int


@ingestion(table_name="events", unique_key="id", validation_schema=Events, time_column="at")
def events(window: Window):
    noon = datetime(2024, 3, 15, 12, tzinfo=UTC)
    rows = [{"id": "a", "at": noon, "value": 1}] if window.start <= noon < window.end else []
    shape = pa.schema({"id": pa.string(), "at": pa.timestamp("us", "UTC"), "value": pa.int64()})
    yield pa.Table.from_pylist(rows, schema=shape)
"""
_MODEL = """
@model(kind=Incremental(time_column="at", grain="day"))
def {name}({first}, {second}):
    both = {first}.join({second}.select("id", other={second}.value), "id")
    kept = both.filter(both.value >= {number} - 1_000)
    return kept.select("id", "at", value=(kept.value + kept.other + {number}) % 1_000)
"""


def measure(home: Path, times: int = 3) -> dict[str, Any]:
    """Whole processes: the first plan, which compiles, later ones, and a run without news."""
    project = home.parent / "project"
    write(project)

    def command(*words: str) -> Timed:
        return lakehouse(home, *words, "--date", "2024-03-15", project=project)

    imports, _, _ = repeated(times, lambda: run(["-c", IMPORTS], home))
    first = command("plan")
    built = command("run")
    plan, plan_peak, _ = repeated(times, lambda: command("plan"))
    nothing, peak, runs = repeated(times, lambda: command("run"))
    return {
        "models": MODELS,
        **rounded(
            {
                "first_plan_seconds": first.seconds,
                "plan_seconds": plan,
                "plan_peak_mb": plan_peak,
                "first_run_seconds": built.seconds,
                "no_op_run_seconds": nothing,
                "no_op_pipeline_seconds": statistics.median(r.json()["seconds"] for r in runs),
                "no_op_peak_mb": peak,
                "imports_seconds": imports,
            }
        ),
        "plan_to_imports": round(plan / imports, 2),
        "no_op_to_imports": round(nothing / imports, 2),
    }


def write(folder: Path) -> None:
    """A project in which every model joins two of the ones before it."""
    for package in ("ingestion", "models"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
    (folder / "lakehouse.toml").write_text("[project]\n", encoding="utf-8")
    (folder / "ingestion" / "events.py").write_text(_INGESTION, encoding="utf-8")
    code = "from lakehouse import Incremental, model\n\n" + "\n".join(_models())
    (folder / "models" / "silver.py").write_text(code, encoding="utf-8")


def _models() -> Iterator[str]:
    for number in range(MODELS):
        above = [f"model_{each}" for each in range(max(0, number - _WIDTH), number)] or ["events"]
        first, second = above[0], above[-1] if above[-1] != above[0] else "events"
        if first == second:
            yield _SINGLE.format(name=f"model_{number}", first=first, number=number)
        else:
            yield _MODEL.format(name=f"model_{number}", first=first, second=second, number=number)


_SINGLE = """
@model(kind=Incremental(time_column="at", grain="day"))
def {name}({first}):
    return {first}.select("id", "at", value={first}.value + {number})
"""
