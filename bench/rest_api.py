"""Reading nested orders from a paged REST API, against dlt alone, which loads them into DuckDB."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.process import ROOT, Timed, another, lakehouse, rounded, run

ROWS, TIMES_AS_MANY = 100_000, 10
_PROJECT = ROOT / "bench" / "orders"
_DLT_ALONE = """
import os
import dlt
from bench.orders.raw import api
from dlt.sources.rest_api import rest_api_source
folder = os.environ["LAKEHOUSE_HOME"]
pipeline = dlt.pipeline(
    "orders",
    pipelines_dir=folder,
    destination=dlt.destinations.duckdb(f"{folder}/orders.duckdb"),
    dataset_name="raw",
)
pipeline.run(rest_api_source(api()))
"""


def measure(home: Path, rows: int = ROWS) -> dict[str, Any]:
    """Rows per second of both, and the memory of a run with ten times the rows."""
    with _serving(rows) as url:
        ours = _read(another(home), url)
        alone = another(home)
        alone.mkdir(parents=True)
        theirs = run(["-c", _DLT_ALONE], alone, ORDERS_URL=url, RUNTIME__DLTHUB_TELEMETRY="false")
    with _serving(rows * TIMES_AS_MANY) as url:
        more = _read(another(home), url)
    return {
        "rows": rows,
        **rounded(
            {
                "rows_per_second": rows / ours.seconds,
                "dlt_rows_per_second": rows / theirs.seconds,
                "ratio": theirs.seconds / ours.seconds,
                "peak_mb": ours.peak_mb,
                "dlt_peak_mb": theirs.peak_mb,
                "peak_mb_of_ten_times": more.peak_mb,
                "rows_per_second_of_ten_times": rows * TIMES_AS_MANY / more.seconds,
            }
        ),
    }


def _read(home: Path, url: str) -> Timed:
    words = ("run", "--full-refresh", "--select", "raw.orders")
    return lakehouse(home, *words, project=_PROJECT, ORDERS_URL=url)


@contextmanager
def _serving(rows: int) -> Iterator[str]:
    """Serve so many orders in a process of its own."""
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.orders.api", str(rows)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    with server.stdout:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()
            server.wait()
