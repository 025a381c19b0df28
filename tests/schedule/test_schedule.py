"""The schedule runs what there is to run, catches up what was missed, and stops cleanly."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import SCHEMA, at, event, query

from lakehouse.catalogs import TableChange
from lakehouse.catalogs.sqlite import SqliteCatalog
from lakehouse.errors import ProjectError
from lakehouse.plan.state import Change, TableState
from lakehouse.publish import publication
from lakehouse.schedule import scheduler
from lakehouse.schedule.scheduler import Agenda, Job
from lakehouse.schedule.unit_files import KINDS
from lakehouse.windows import ALL_TIME, Window, union

ROOT = Path(__file__).parents[2]
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
        other.execute("SELECT pg_advisory_lock(%s)", (publication.LOCK,))
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
        (window,) = scheduler.windows(session, JOB)
    assert window.start <= datetime.now(UTC) < window.end
    assert window.end - window.start == timedelta(days=1)


@pytest.mark.long
def test_what_was_missed_belongs_to_it_and_so_does_the_last_day_that_was_ingested(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    with toy.session as session:
        (window,) = scheduler.windows(session, JOB)
    assert window.start == at(0, 0)
    assert window.start <= datetime.now(UTC) < window.end


TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""The day that the tests are run on; the toy's days are those of UTC."""


def days(first, last=None):
    """The days from the first to the last, counted from today."""
    end = first if last is None else last
    return Window(TODAY + timedelta(days=first), TODAY + timedelta(days=end + 1))


@pytest.fixture
def due(write_state, toy):
    """What a run is about, in days counted from today, where ingestions have covered so much."""

    def due(*covered, archived=None):
        write_state("raw.events", union(covered), archived)
        with toy.session as session:
            return [
                ((each.start - TODAY).days, (each.end - TODAY).days - 1)
                for each in scheduler.windows(session, JOB)
            ]

    return due


@pytest.fixture
def write_state(toy):
    """Gives a raw table a state on main."""

    def write(table, covered, archived=None):
        with toy.session as session:
            state = TableState(
                "code", (Change("run", (ALL_TIME,)),), covered=covered, archived_before=archived
            )
            session.catalog.create_branch("made-up")
            session.catalog.write("made-up", TableChange(table, SCHEMA, [], [], state))
            session.catalog.merge("made-up", run_id="made-up", message="")

    return write


@pytest.mark.parametrize(
    ("covered", "expected"),
    [
        pytest.param([], [(0, 0)], id="never"),
        pytest.param([days(0)], [(0, 0)], id="today"),
        pytest.param([days(-9, -1)], [(-1, 0)], id="yesterday, which was perhaps not over"),
        pytest.param([days(-9, -4)], [(-4, 0)], id="days ago"),
        pytest.param([days(-9, -6), days(0)], [(-6, 0)], id="a gap before today"),
        pytest.param([days(-9, -8), days(-5, 0)], [(-8, -6), (0, 0)], id="a gap before that"),
        pytest.param([days(-9), days(-7), days(-5, -3)], [(-9, -6), (-3, 0)], id="two gaps"),
        pytest.param([days(1500)], [(0, 0)], id="a day of the future alone"),
        pytest.param([days(-5, -3), days(1500)], [(-3, 0)], id="a day of the future besides"),
        pytest.param([days(0), days(1500)], [(0, 0)], id="today and a day of the future"),
        pytest.param([days(-9, 400)], [(-1, 0)], id="on and on, by a clock that was wrong"),
        pytest.param([days(0, 1)], [(0, 0)], id="today and tomorrow"),
    ],
)
def test_what_is_due_goes_by_the_time_that_was_covered(due, covered, expected):
    assert due(*covered) == expected


def test_what_was_covered_an_hour_ago_belongs_to_a_day_that_is_not_over(due):
    until = Window(TODAY - timedelta(days=3), TODAY - timedelta(hours=1))
    assert due(until) == [(-1, 0)]


def test_time_that_is_archived_is_not_missed(due):
    archived = TODAY - timedelta(days=5)
    assert due(days(-9), days(-3, 0), archived=archived) == [(-5, -4), (0, 0)]


def test_several_ingestions_lack_what_one_of_them_lacks(toy, write_state, due):
    for name in ("more", "never"):
        toy.project.ingestions[name] = replace(toy.project.ingestions["events"], name=name)
    write_state("raw.more", (days(-7, -6), days(-4, 0)))
    assert due(days(-2, 0)) == [(0, 0)]
    with toy.session as session:
        found = scheduler.windows(session, Job("all", JOB.crons, ("events", "more", "never")))
    assert found == (days(-6, -5), days(0))


def test_a_project_without_times_has_no_schedule(toy):
    with pytest.raises(ProjectError, match="no ingestion says when"):
        scheduler.jobs(toy.project)


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


OSLO = ZoneInfo("Europe/Oslo")
HOURLY, DAILY = Job("hourly", ("0 * * * *",), ()), Job("daily", ("30 2 * * *",), ())
NOON = datetime(2024, 3, 15, 12, tzinfo=UTC)
HOUR, YEAR = timedelta(hours=1), timedelta(days=365)


def test_every_job_runs_at_once_and_then_at_its_time():
    agenda = Agenda({HOURLY: None, DAILY: None}, OSLO)
    for _ in range(2):
        job, due = agenda.next(NOON)
        assert due < NOON
        agenda.ran[job] = NOON
    assert agenda.next(NOON) == (HOURLY, NOON + HOUR)


def test_a_job_that_is_always_late_keeps_no_other_from_running():
    agenda = Agenda({HOURLY: None, DAILY: None}, OSLO)
    ran, now = [], NOON
    for _ in range(20):
        job, _ = agenda.next(now)
        ran.append(job)
        now += 2 * HOUR
        agenda.ran[job] = now
    assert ran.count(DAILY) >= 2


def test_a_clock_that_is_set_back_a_year_keeps_no_job_waiting_for_a_year():
    agenda = Agenda({HOURLY: NOON}, OSLO)
    assert agenda.next(NOON - YEAR) == (HOURLY, NOON - YEAR + HOUR)
    assert agenda.next(NOON + HOUR / 2)[1] <= NOON + HOUR / 2  # it is right again


def test_a_clock_that_is_set_ahead_a_year_makes_a_job_run_once():
    agenda = Agenda({HOURLY: NOON}, OSLO)
    job, due = agenda.next(NOON + YEAR)
    assert due <= NOON + YEAR
    agenda.ran[job] = NOON + YEAR
    assert agenda.next(NOON + YEAR) == (HOURLY, NOON + YEAR + HOUR)


@given(
    st.lists(
        st.one_of(
            st.timedeltas(timedelta(seconds=1), timedelta(minutes=1)),
            st.timedeltas(timedelta(days=-800), timedelta(days=800)),
        ),
        max_size=50,
    )
)
def test_however_the_clock_is_set_a_job_waits_for_no_more_than_its_next_time(steps):
    agenda, now, ran = Agenda({HOURLY: NOON, DAILY: NOON}, OSLO), NOON, 0
    for step in steps:
        now += step
        for job in agenda.ran:
            assert Agenda({job: agenda.ran[job]}, OSLO).next(now)[1] <= job.following(now, OSLO)
        while agenda.next(now)[1] <= now:
            job, _ = agenda.next(now)
            agenda.ran[job] = now
            ran += 1
    assert ran <= 2 * len(steps)
