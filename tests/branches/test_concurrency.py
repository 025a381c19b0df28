"""Several processes at once, and processes that are killed."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import processes
import pytest
from toy import at, event

from lakehouse.branches import leases, run_branches
from lakehouse.errors import MergeConflictError
from lakehouse.maintain import maintain
from lakehouse.records.listener import Silence
from lakehouse.run import overtaken_runs

ROOT = Path(__file__).parents[2]

WORKER = """
import sys
from lakehouse import config
from lakehouse.branches import run_branches
from lakehouse.catalogs.sqlite import SqliteCatalog
settings = config.load()
catalog = SqliteCatalog(settings.home / "catalog.db", settings.warehouse)
with run_branches.claimed(settings, "run-worker"):
    catalog.create_branch("run-worker")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def worker(toy):
    """Another process that works on a branch of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=toy.folder,
        env={"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


@pytest.fixture
def rival(toy, source):
    """A run of the same home that another process makes meanwhile, once."""

    def during(day, row):
        def meanwhile():
            source.opened = lambda: None
            source.rows.append(row)
            toy.run(day)

        source.opened = meanwhile

    return during


@pytest.mark.long
def test_a_run_that_was_overtaken_in_its_tables_starts_over(toy, source, rival):
    source.rows = [event("a", 1, at(0))]
    rival(1, event("b", 2, at(1)))
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]
    assert toy.published("total") == [{"rows": 2, "total": 3}]


@pytest.mark.long
def test_a_run_that_started_over_leaves_no_branch(toy, source, rival):
    source.rows = [event("a", 1, at(0))]
    rival(1, event("b", 2, at(1)))
    toy.run(0)
    assert toy.session.catalog.branches() == []


@pytest.mark.long
def test_a_branch_of_a_killed_process_is_swept_by_the_next_run(toy, source, worker):
    worker.kill()
    worker.wait()
    assert [branch.name for branch in toy.session.catalog.branches()] == ["run-worker"]
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    assert toy.session.catalog.branches() == []


def test_a_branch_of_a_living_process_is_left_alone(toy, source, worker):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    assert [branch.name for branch in toy.session.catalog.branches()] == ["run-worker"]


def test_an_interrupted_run_leaves_nothing(toy, source):
    def interrupted(window):
        raise KeyboardInterrupt

    source.rows = [event("a", 1, at(0))]
    source.read = interrupted
    with pytest.raises(KeyboardInterrupt):
        toy.run(0)
    assert toy.session.catalog.branches() == []
    assert toy.head() is None


def test_a_branch_of_another_home_is_swept_when_its_lease_is_over(toy, monkeypatch):
    monkeypatch.setattr(leases, "_WATCHED", 0)
    settings, catalog = toy.session.settings, toy.session.catalog
    catalog.create_branch("run-elsewhere")
    lease = settings.warehouse / "leases" / "run-elsewhere"
    held = leases.Lease(lease)
    assert run_branches.sweep(settings, catalog) == []
    os.utime(lease, (0, 0))
    assert run_branches.sweep(settings, catalog) == ["run-elsewhere"]
    held.give_back()


class Said(Silence):
    """Keeps what a run warns of."""

    def __init__(self):
        self.warnings = []

    def warning(self, message):
        self.warnings.append(message)


@pytest.fixture
def hurried(monkeypatch):
    """Runs that were overtaken look for their turn at once."""
    monkeypatch.setattr(overtaken_runs, "_LOOKS_EVERY", 0)
    monkeypatch.setattr(overtaken_runs, "_PAUSE", 0)


@pytest.mark.long
def test_a_run_that_is_overtaken_again_and_again_gets_there(toy, source, hurried):
    """More often than it would try if only attempts were counted."""
    days = iter(range(1, 8))

    def overtaken():
        day = next(days, None)
        if day is not None and source.opened is overtaken:
            source.opened = lambda: None
            source.rows.append(event(f"e{day}", 1, at(day)))
            toy.run(day)
            source.opened = overtaken

    source.rows, source.opened, said = [event("a", 1, at(0))], overtaken, Said()
    toy.run(0, listener=said)
    assert toy.rows("marts.total") == toy.published("total") == [{"rows": 8, "total": 8}]
    assert len(said.warnings) == 7
    assert "waits for its turn, and starts over" in said.warnings[0]


@pytest.mark.long
def test_a_run_that_is_overtaken_for_too_long_says_so(toy, source, hurried, monkeypatch):
    monkeypatch.setattr(overtaken_runs, "_PATIENCE", -1)

    def overtaken():
        source.opened = lambda: None
        source.rows.append(event(f"e{len(source.rows)}", 1, at(len(source.rows))))
        toy.run(len(source.rows) - 1)
        source.opened = overtaken

    source.rows, source.opened = [event("a", 1, at(0))], overtaken
    with pytest.raises(MergeConflictError) as caught:
        toy.run(0)
    assert caught.value.hint == "it was overtaken 5 times; run it when fewer others run"
    assert toy.session.catalog.branches() == []


RUN = """
import sys
from pathlib import Path
from toy import Source, Toy, at, event
from lakehouse.engines import duckdb

source = Source(*(event(f"e{{day}}", 1, at(day)) for day in range(8)))
toy = Toy(Path({folder!r}), {postgres!r}, source, duckdb.connect())
print("ready", flush=True)
sys.stdin.readline()
toy.run({day})
"""


@pytest.mark.long
def test_eight_runs_of_different_days_at_once_all_get_there(toy):
    runs = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                RUN.format(folder=str(toy.folder), postgres=toy.postgres, day=day),
            ],
            env=processes.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for day in range(8)
    ]
    for process in runs:
        assert process.stdout.readline() == b"ready\n"
    for process in runs:
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.communicate() and process.returncode for process in runs] == [0] * 8
    assert toy.rows("marts.total") == toy.published("total") == [{"rows": 8, "total": 8}]
    assert toy.session.catalog.branches() == []


def held_by_the_dead(toy, name):
    """What a process leaves that is killed while it holds a branch that is not there (any more)."""
    settings = toy.session.settings
    left = [settings.home / "locks" / name, settings.warehouse / "leases" / name]
    for place in left:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return left


@pytest.mark.long
def test_the_lock_and_the_lease_of_a_killed_merge_are_swept_by_the_next_run(toy, source):
    source.rows = [event("a", 1, at(0))]
    held = toy.run(0, hold=True).run_id
    left = [each for name in (f"run-{held}", "run-gone") for each in held_by_the_dead(toy, name)]
    toy.run(5)
    assert [each for each in left if each.exists()] == []
    status = run_branches.status(toy.session.settings, f"run-{held}")
    assert status is run_branches.BranchStatus.HELD


def test_the_lock_and_the_lease_of_a_killed_run_are_swept_by_upkeep(toy, source):
    left = held_by_the_dead(toy, "run-gone")
    with toy.session as session:
        maintain(session, dry_run=True)
        assert all(each.exists() for each in left)
        maintain(session)
    assert [each for each in left if each.exists()] == []


def test_a_lock_that_is_removed_before_it_is_held_is_taken_anew(toy, monkeypatch):
    """Whoever sweeps may be between the two, and the lock of a file that is gone holds nothing."""
    settings, flock, removed = toy.session.settings, fcntl.flock, []

    def swept_meanwhile(file, how):
        lock = settings.home / "locks" / "run-x"
        if how == fcntl.LOCK_EX and not removed:
            removed.append(lock.unlink())
        return flock(file, how)

    monkeypatch.setattr(fcntl, "flock", swept_meanwhile)
    with run_branches.claimed(settings, "run-x"):
        assert not run_branches.is_free(settings, "run-x")
        assert (settings.home / "locks" / "run-x").exists()


def test_half_written_files_of_killed_processes_are_removed_by_upkeep(toy):
    settings = toy.session.settings
    (settings.warehouse / "runs").mkdir(parents=True)
    old, new = (settings.warehouse / "runs" / f"{name}.x.writing" for name in ("old", "new"))
    for each in (old, new):
        each.touch()
    os.utime(old, (0, 0))
    with toy.session as session:
        maintain(session)
    assert (old.exists(), new.exists()) == (False, True)
