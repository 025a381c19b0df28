"""The memory of a run does not grow with the rows that it fetches, compares and writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
import os
import pandera.ibis
import pyarrow as pa
from lakehouse import ingestion

PAGE = 5_000

class Notes(pandera.ibis.DataFrameModel):
    id: str
    note: str

@ingestion(table_name="notes", unique_key="id", validation_schema=Notes)
def notes():
    version = os.environ["VERSION"]
    for start in range(0, int(os.environ["ROWS"]), PAGE):
        ids = [f"{number:032}" for number in range(start, start + PAGE)]
        notes = [f"{hash((number, version)):032}" * 8 for number in range(start, start + PAGE)]
        yield pa.table({"id": ids, "note": notes})
"""
TOML = '[project]\ningestion = "ingestion"\nmodels = "models"\n'
ROOT = Path(__file__).parents[2]
SIZES = 100_000, 400_000


def peak_mb(project, home, rows, version):
    """The peak of the process of a run."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lakehouse", "run", "--full-refresh", "--select", "raw.notes"],
        cwd=project,
        env={
            **os.environ,
            "LAKEHOUSE_HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "ROWS": str(rows),
            "VERSION": version,
            "PYTHONHASHSEED": "0",
        },
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


@pytest.mark.longest
def test_four_times_the_rows_need_no_more_memory_whether_they_are_new_or_changed(tmp_path):
    for package, text in (("ingestion", MODULE), ("models", "")):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "raw.py").write_text(text)
    (tmp_path / "lakehouse.toml").write_text(TOML)
    few, many = (
        [peak_mb(tmp_path, tmp_path / f"home{rows}", rows, version) for version in ("1", "2")]
        for rows in SIZES
    )
    assert many[0] < 1.2 * few[0]
    assert many[1] < 1.2 * few[1]
