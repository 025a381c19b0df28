"""The schedule runs what there is to run, catches up what was missed, and stops cleanly."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from toy import at, event, query

from lakehouse import publish, schedule
from lakehouse.catalogs.sql import SqliteCatalog
from lakehouse.errors import ProjectError
from lakehouse.schedule import Job
from lakehouse.units import KINDS

ROOT = Path(__file__).parent.parent
JOB = Job("events", ("0 * * * *",), ("events",))
INGESTION = """
import os

import pandera.ibis
import pyarrow as pa

from lakehouse import ingestion


class Things(pandera.ibis.DataFrameModel):
    id: str


@ingestion(table_name="things", unique_key="id", validation_schema=Things, cron="0 * * * *")
def things():
    yield pa.table({"id": ["a"]})
    for name in ("reached", "never"):  # pipes: opening one waits for the other side
        if os.path.exists(name):
            open(name, "w").close()
"""
MART = """
from lakehouse import Table, model


@model(kind=Table())
def counted(things):
    return things.agg(rows=things.count())
"""


@pytest.fixture
def command(tmp_path, database):
    """Starts a schedule of a small project as a process."""
    for package, module, text in (("ingestion", "raw", INGESTION), ("models", "marts", MART)):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / f"{module}.py").write_text(text)
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LAKEHOUSE_HOME": str(tmp_path / "home"),
        "LAKEHOUSE_POSTGRES_URL": database,
    }

    def start(*options):
        return subprocess.Popen(
            [sys.executable, "-m", "lakehouse", "schedule", *options],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.mark.long
def test_it_runs_at_once_alone_and_until_it_is_told_to_end(command):
    first = command()
    said = iter(first.stderr.readline, "")  # ends with the process
    assert next(line for line in said if line.startswith("things: ")).startswith("things: done")
    second = command()
    _, complaint = second.communicate()
    assert second.returncode == 2
    assert "another process runs the schedule" in complaint
    first.send_signal(signal.SIGTERM)
    said, _ = first.communicate()
    assert (first.returncode, said) == (0, "stopped\n")


def has_ended(process):
    """Whether it has, after giving it a moment of the processor."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.02)
    return process.returncode is not None


def end(process):
    process.send_signal(signal.SIGTERM)
    said, complaint = process.communicate()
    assert (process.returncode, said) == (0, "stopped\n"), complaint


@pytest.fixture
def main_of(tmp_path):
    """The catalog of the home that the process works in."""
    return SqliteCatalog(tmp_path / "home" / "catalog.db", tmp_path / "home" / "warehouse")


@pytest.mark.long
def test_told_to_end_while_it_fetches_it_leaves_main_as_it_was(command, tmp_path, main_of):
    for name in ("reached", "never"):
        os.mkfifo(tmp_path / name)
    process = command()
    (tmp_path / "reached").read_text()
    assert len(main_of.branches()) == 1
    end(process)
    assert (main_of.log(), main_of.branches()) == ([], [])


@pytest.mark.long
def test_told_to_end_while_it_publishes_it_leaves_that_to_the_next_run(command, database, main_of):
    with psycopg.connect(database) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (publish.LOCK,))
        process = command()
        waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not other.execute(waits).fetchone() and not has_ended(process):
            pass
        end(process)
    (commit,) = main_of.log()
    assert main_of.branches() == []
    again = command("--once")
    again.communicate()
    assert again.returncode == 0
    assert main_of.head() == commit
    assert query(database, "select * from marts.counted") == [{"rows": 1}]


def test_a_run_is_about_today(toy):
    with toy.session as session:
        (window,) = schedule.windows(session, JOB)
    assert window.start <= datetime.now(UTC) < window.end
    assert window.end - window.start == timedelta(days=1)


def test_what_was_missed_belongs_to_it_and_so_does_the_last_day_that_was_ingested(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    with toy.session as session:
        (window,) = schedule.windows(session, JOB)
    assert window.start == at(0, 0)
    assert window.start <= datetime.now(UTC) < window.end


def test_a_project_without_times_has_no_schedule(toy):
    with pytest.raises(ProjectError, match="no ingestion says when"):
        schedule.jobs(toy.project)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("systemd", ["ExecStart=", " -m lakehouse schedule\n", "Restart=always"]),
        ("cron", ["0 * * * * cd ", "schedule --once\n"]),
        ("kubernetes", ['schedule: "0 * * * *"', "concurrencyPolicy: Forbid", "timeZone: UTC"]),
    ],
)
def test_units_of_others_can_be_written(toy, kind, parts):
    text = KINDS[kind](toy.session.settings, [JOB])
    assert [part for part in parts if part not in text] == []


def test_a_unit_of_systemd_names_any_folder(toy):
    settings = replace(toy.session.settings, root=Path("/srv/50% of it"))
    text = KINDS["systemd"](settings, [JOB])
    assert "WorkingDirectory=/srv/50%% of it\n" in text
    assert f'ExecStart="{sys.executable}" -m lakehouse schedule\n' in text
