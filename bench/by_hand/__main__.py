"""`python -m bench.by_hand RAW SITES OUT`: Parquet of both raw tables in, one Parquet a table out.

Prints the seconds of each statement as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import duckdb

from bench.by_hand import STEPS


def main() -> None:
    """Build every table, each from what was built before it."""
    entries, sites, folder = sys.argv[1:]
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={"preserve_insertion_order": False, "temp_directory": str(out / "spill")}
    )
    connection.execute("SET TimeZone = 'UTC'")
    for name, files in (("raw_entries", entries), ("raw_sites", sites)):
        connection.execute(
            f"CREATE VIEW {name} AS FROM read_parquet('{files}', hive_partitioning = false)"
        )
    seconds = {}
    for name, kind in STEPS.items():
        started = time.perf_counter()
        sql = Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
        if kind != "FILE":
            connection.execute(f"CREATE {kind} {name} AS {sql}")
        else:
            file = out / f"{name}.parquet"
            connection.execute(f"COPY ({sql}) TO '{file}'")
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{file}')")
        seconds[name] = round(time.perf_counter() - started, 3)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
