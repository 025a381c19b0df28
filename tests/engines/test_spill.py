"""What outgrows DuckDB's memory: each process has a folder of its own for it."""

import subprocess
import sys

import pytest

from lakehouse.engines import duckdb

LARGE = """
SELECT count(*)::BIGINT, sum(n)::BIGINT FROM (
    SELECT i % 1000003 AS k, count(*) AS n, max(i || repeat('x', 40))
    FROM range(2000000) t(i) GROUP BY k)
"""
WORKER = f"""
import sys
from lakehouse.engines import duckdb
from pathlib import Path
engine = duckdb.connect(Path(sys.argv[1]), extensions=())
engine.connection.execute("SET memory_limit = '40MB'; SET threads = 1")
engine.connection.execute("SET enable_progress_bar = false")
print("ready", flush=True)
sys.stdin.readline()
print(engine.connection.execute({LARGE!r}).fetchall(), flush=True)
sys.stdin.readline()
"""


def folder(engine):
    return engine.connection.execute("SELECT current_setting('temp_directory')").fetchone()[0]


def worker(place):
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.long
def test_two_processes_that_spill_at_once_get_their_own_rows_back(tmp_path):
    processes = [worker(tmp_path) for _ in range(2)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate()[0] for process in processes]
    assert answers == ["[(1000003, 2000000)]\n"] * 2


@pytest.mark.long
def test_what_a_killed_process_spilled_is_removed_and_a_living_one_keeps_its_own(tmp_path):
    dead, living = worker(tmp_path), worker(tmp_path)
    dead.kill()
    dead.communicate()
    (tmp_path / "duckdb_temp_storage_DEFAULT-0.tmp").touch()  # as one folder for all had it
    engine = duckdb.connect(tmp_path, extensions=())
    left = {str(each) for each in tmp_path.iterdir()}
    assert folder(engine) in left
    assert len(left) == 2
    living.communicate()
    del engine
    duckdb.connect(tmp_path, extensions=())
    assert list(tmp_path.iterdir()) == []
