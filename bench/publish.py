"""Publishing two million rows, against a bare CREATE TABLE AS of the same rows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bench.merge import PROJECT
from bench.process import lakehouse, rounded
from lakehouse import config
from lakehouse.engines.duckdb_relations import scan
from lakehouse.session import Session

ROWS, MART = 2_000_000, "marts.all_events"


def measure(home: Path) -> dict[str, Any]:
    """Seconds of the publication of a first run, and of DuckDB writing the table alone."""
    days = ("--from", "2023-01-01", "--to", "2023-12-31")
    run = lakehouse(home, "backfill", *days, project=PROJECT, EVENTS=str(ROWS))
    (published,) = (n for n in run.json()["nodes"] if n["step"] == "publish")
    bare = _bare(home)
    return {
        "rows": published["rows"],
        **rounded(
            {
                "publication_seconds": published["seconds"],
                "bare_seconds": bare,
                "process_seconds": run.seconds,
                "peak_mb": run.peak_mb,
            }
        ),
        "to_bare": round(published["seconds"] / bare, 2),
    }


def _bare(home: Path) -> float:
    with Session(config.load(PROJECT, {"LAKEHOUSE_HOME": str(home)})) as session:
        address = session.start_postgres().result()
        session.duckdb.prepare("main")
        run = session.duckdb.connection.execute
        run(f"ATTACH '{address.reveal()}' AS bare (TYPE postgres)")
        rows = scan(session.catalog.tables("main")[MART], session.compiled.schemas["all_events"])
        started = time.perf_counter()
        run(f"CREATE TABLE bare.public.bare AS SELECT * FROM {rows}")
        return time.perf_counter() - started
