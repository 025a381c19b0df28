"""Several processes at once, and processes that are killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy import at, event

from lakehouse import branches, leases

ROOT = Path(__file__).parent.parent

WORKER = """
import sys
from lakehouse import branches, config
from lakehouse.catalogs.sql import SqliteCatalog
settings = config.load()
catalog = SqliteCatalog(settings.home / "catalog.db", settings.warehouse)
with branches.claimed(settings, "run-worker"):
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


def test_a_run_that_was_overtaken_in_its_tables_starts_over(toy, source, rival):
    source.rows = [event("a", 1, at(0))]
    rival(1, event("b", 2, at(1)))
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]
    assert toy.published("total") == [{"rows": 2, "total": 3}]


def test_a_run_that_started_over_leaves_no_branch(toy, source, rival):
    source.rows = [event("a", 1, at(0))]
    rival(1, event("b", 2, at(1)))
    toy.run(0)
    assert toy.session.catalog.branches() == []


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


def test_a_branch_of_another_home_is_swept_when_its_lease_is_over(toy):
    settings, catalog = toy.session.settings, toy.session.catalog
    catalog.create_branch("run-elsewhere")
    lease = settings.warehouse / "leases" / "run-elsewhere"
    held = leases.Lease(lease)
    assert branches.sweep(settings, catalog) == []
    os.utime(lease, (0, 0))
    assert branches.sweep(settings, catalog) == ["run-elsewhere"]
    held.give_back()
