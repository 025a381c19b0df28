"""Twenty checks of one table, against one aggregate of the same written by hand for DuckDB.

`BENCH_CHECKED` says of how many rows: five million unless told; fifty is what to look at.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.events import raw
from bench.process import ROOT, rounded
from lakehouse import (
    AcceptedValuesCheck,
    CustomCheck,
    NullCheck,
    PatternCheck,
    RangeCheck,
    RowCountCheck,
    UniqueCheck,
    config,
    quality,
)
from lakehouse.audit.audit import Audit
from lakehouse.catalogs import TableChange
from lakehouse.compile.compiler import compile_project
from lakehouse.declare.project import Project, collect
from lakehouse.declare.raw_columns import landed
from lakehouse.engines.duckdb_relations import parquet
from lakehouse.plan import file_spans
from lakehouse.plan.state import Change, TableState
from lakehouse.session import Session
from lakehouse.windows import ALL_TIME

ROWS = int(float(os.environ.get("BENCH_CHECKED", "5e6")))
CHECKS = (
    NullCheck(["id"]),
    NullCheck(["at"]),
    NullCheck(["kind"]),
    NullCheck(["value"]),
    NullCheck(["count"]),
    NullCheck(["note"]),
    UniqueCheck(["id"]),
    RangeCheck("value", -1, 1),
    RangeCheck("value", min_value=-2),
    RangeCheck("count", 0, 96),
    RangeCheck("count", max_value=1000),
    RangeCheck("count", 0, 50, where=lambda t: t.kind == "five"),
    AcceptedValuesCheck("kind", ["one", "two", "three", "four"]),
    AcceptedValuesCheck("kind", ["one", "two", "three", "four", "five"]),
    PatternCheck("note", "^what was noted"),
    PatternCheck("kind", "^[a-z]+$"),
    CustomCheck("id is long", lambda t: t.id.length() == 24),
    CustomCheck("note is short", lambda t: t.note.length() < 100),
    CustomCheck("values are around nothing", lambda t: t.value.mean().abs() < 1),
    RowCountCheck(ROWS, ROWS),
)
_BY_HAND = """
SELECT count(*), count(*) FILTER (WHERE id IS NULL), count(*) FILTER (WHERE "at" IS NULL),
    count(*) FILTER (WHERE kind IS NULL), count(*) FILTER (WHERE value IS NULL),
    count(*) FILTER (WHERE count IS NULL), count(*) FILTER (WHERE note IS NULL),
    count(*) - count(DISTINCT id), count(*) FILTER (WHERE value < -1 OR value > 1),
    count(*) FILTER (WHERE value < -2), count(*) FILTER (WHERE count < 0 OR count > 96),
    count(*) FILTER (WHERE count > 1000),
    count(*) FILTER (WHERE kind = 'five' AND (count < 0 OR count > 50)),
    count(*) FILTER (WHERE kind NOT IN ('one', 'two', 'three', 'four')),
    count(*) FILTER (WHERE kind NOT IN ('one', 'two', 'three', 'four', 'five')),
    count(*) FILTER (WHERE NOT regexp_matches(note, '^what was noted')),
    count(*) FILTER (WHERE NOT regexp_matches(kind, '^[a-z]+$')),
    count(*) FILTER (WHERE length(id) <> 24), count(*) FILTER (WHERE length(note) >= 100),
    abs(avg(value)) < 1
FROM {rows}
"""


def measure(home: Path, times: int = 3) -> dict[str, Any]:
    """Seconds of both, their ratio, and the highest peak of the process in MB."""
    settings = config.load(ROOT / "bench" / "events", {"LAKEHOUSE_HOME": str(home)})
    with Session(settings) as session:
        project = _project()
        files = _fill(session, project)
        audit = Audit(
            session.engine,
            compile_project(project, "duckdb"),
            session.catalog.tables("main"),
            {"events": (ALL_TIME,)},
            until=None,
        )
        by_hand = _BY_HAND.format(rows=parquet(files))
        ours, theirs = [], []
        for _ in range(times):  # in turn, as both should meet the same machine
            ours.append(_seconds(lambda: _ask(audit)))
            theirs.append(_seconds(lambda: session.duckdb.connection.execute(by_hand).fetchall()))
    ratio = statistics.median(ours) / statistics.median(theirs)
    return {
        "rows": ROWS,
        "checks": len(CHECKS),
        **rounded(
            {
                "seconds": statistics.median(ours),
                "by_hand_seconds": statistics.median(theirs),
                "to_by_hand": ratio,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        ),
    }


def _project() -> Project:
    """The events, with their checks."""
    module = ModuleType("bench.events.checks")

    def events_are_good() -> None:
        """What holds of events."""

    events_are_good.__module__ = module.__name__
    setattr(module, events_are_good.__name__, events_are_good)
    quality(table="raw.events", checks=CHECKS)(events_are_good)
    return collect([raw, module])


def _fill(session: Session, project: Project) -> list[str]:
    """Make the table of events; its files."""
    spec, catalog = project.ingestions["events"], session.catalog
    apart = 365 * 86_400_000_000 // ROWS
    statement = f"""
        SELECT printf('%024x', i) AS id,
            make_timestamp({int(raw.START.timestamp())}000000 + i * {apart})::TIMESTAMPTZ AS at,
            ['one', 'two', 'three', 'four'][1 + i % 4] AS kind, sin(i) AS value, i % 97 AS count,
            'what was noted of event ' || i % 1009 AS note, 'bench' AS _run_id,
            TIMESTAMPTZ '{datetime.now(UTC).isoformat()}' AS _ingested_at
        FROM range({ROWS}) AS numbers(i)
    """
    span = file_spans.file_span(ROWS, ())
    folder = f"{catalog.location(spec.table)}/data"
    files, _ = session.duckdb.copy(statement, folder, spec.time_column, span)
    state = TableState("bench", (Change("bench", (ALL_TIME,)),))
    catalog.create_branch("bench")
    change = TableChange(spec.table, landed(spec).to_pyarrow(), [], files, state)
    catalog.write("bench", change)
    catalog.merge("bench", run_id="bench", message="events to check")
    return files


def _ask(audit: Audit) -> None:
    failed = [result for result in audit.of("events") if not result.passed]
    if failed:
        sys.exit(f"checks failed: {failed}")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
