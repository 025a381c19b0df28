"""What daily commands cost in a home of nine thousand commits, against a home of ten."""

from __future__ import annotations

import gzip
import json
import os
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.process import ROOT, Timed, lakehouse, rounded
from lakehouse import config
from lakehouse.catalogs.sqlite import SqliteCatalog

COMMITS, FEW = 9_000, 10
_DAY = datetime(2024, 3, 1, tzinfo=UTC)
_TABLE = "marts.mrt_glucose_overview"
COMMANDS = {
    "run": ("run", "--date", f"{_DAY + timedelta(days=FEW - 1):%Y-%m-%d}"),
    "log": ("log",),
    "why": ("why", _TABLE, f"reading_date={_DAY:%Y-%m-%d}"),
    "maintain": ("maintain",),
}
"""What is timed, by name; nothing of it finds news."""


def measure(home: Path, times: int = 7) -> dict[str, Any]:
    """Seconds of processor of each command in both homes, and how they compare."""
    young, old = home / "young", home / "old"
    for each in (young, old):
        for number in range(FEW):
            day = f"{_DAY + timedelta(days=number):%Y-%m-%d}"
            lakehouse(each, "run", "--date", day)
        lakehouse(each, "maintain")
    age(old, COMMITS - FEW)
    found: dict[str, Any] = {}
    for name, words in COMMANDS.items():
        runs: dict[str, list[Timed]] = {"young": [], "old": []}
        for _ in range(times):  # in turn, as both should meet the same machine
            runs["young"].append(lakehouse(young, *words))
            runs["old"].append(lakehouse(old, *words))
        seconds = {which: statistics.median(e.cpu_seconds for e in r) for which, r in runs.items()}
        ratio = {"ratio": seconds["old"] / seconds["young"]}
        found[name] = rounded({**seconds, **ratio})
    return {"commits": COMMITS, **found}


def age(home: Path, number: int) -> None:
    """Put so many commits before those of a home, an hour apart, each with its run's record.

    They are as `maintain` leaves them: in the log, and not readable any more.
    """
    settings = config.load(ROOT, {**os.environ, "LAKEHOUSE_HOME": str(home)})
    catalog = SqliteCatalog(home / "catalog.db", settings.warehouse)
    newest = catalog.log(1)[0]
    record = next(iter((settings.warehouse / "runs").glob("*.json.gz")))
    document = json.loads(gzip.decompress(record.read_bytes()))
    with catalog._file.writing() as db:  # noqa: SLF001 - a history is made in no other way
        for table, column in _NUMBERED:
            db.execute(f"UPDATE {table} SET {column} = -{column}")
            db.execute(f"UPDATE {table} SET {column} = {number} - {column}")
        for sequence in range(1, number + 1):
            began = newest.committed_at - timedelta(days=2, hours=number - sequence)
            run = f"{began:%Y%m%dT%H%M%S}-{sequence:06x}"
            db.execute(
                "INSERT INTO lakehouse_commits VALUES (?, ?, ?, 'run', 'bench', ?)",
                (sequence, f"{sequence:016x}", run, began.isoformat(timespec="microseconds")),
            )
            db.executemany(
                "INSERT INTO lakehouse_changes VALUES (?, ?, ?)",
                [(sequence, table, f"/gone/{sequence}") for table in newest.tables],
            )
            db.execute("INSERT INTO lakehouse_expired VALUES (?)", (sequence,))
            kept = document | {"run": run, "started_at": began.isoformat()}
            path = settings.warehouse / "runs" / f"{run}.json.gz"
            path.write_bytes(gzip.compress(json.dumps(kept).encode()))


_NUMBERED = (
    ("lakehouse_commits", "sequence"),
    ("lakehouse_changes", "sequence"),
    ("lakehouse_tags", "sequence"),
    ("lakehouse_expired", "sequence"),
    ("lakehouse_branches", "base"),
)
"""What counts commits."""
