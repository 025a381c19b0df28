"""A home of years: what a command costs does not grow with the commits and runs before it."""

import sqlite3
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from commits import commits
from toy import at, event

from lakehouse.audit.freshness import FreshnessState, freshness
from lakehouse.catalogs.sqlite import SqliteCatalog
from lakehouse.history import main_moves
from lakehouse.maintain import maintain
from lakehouse.records import run_records
from lakehouse.system import clock

FEW, MANY = 10, 9_000
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
STEP = 100
"""SQLite counts its own steps by the hundred."""


def grow(catalog, number, tables=("raw.a", "raw.b")):
    """Let there have been so many commits before main's first, which nobody reads any more."""
    old = range(1, number + 1)
    with catalog._file.writing() as db:
        db.execute("UPDATE lakehouse_commits SET sequence = sequence + ?", (number,))
        db.execute("UPDATE lakehouse_changes SET sequence = sequence + ?", (number,))
        db.execute("UPDATE lakehouse_branches SET base = base + ?", (number,))
        db.execute("UPDATE lakehouse_expired SET sequence = sequence + ?", (number,))
        db.executemany(
            "INSERT INTO lakehouse_commits VALUES (?, ?, ?, '', '', ?)",
            [
                (n, f"{number:06x}{n:010x}", f"old-{n}", (BEGAN + timedelta(hours=n)).isoformat())
                for n in old
            ],
        )
        db.executemany(
            "INSERT INTO lakehouse_changes VALUES (?, ?, ?)",
            [(n, name, f"/nowhere/{n}") for n in old for name in tables],
        )
        db.executemany("INSERT INTO lakehouse_expired VALUES (?)", [(n,) for n in old])


@pytest.fixture
def steps(catalog):
    """How many steps SQLite takes for some work, about."""

    def count(work):
        taken = 0

        def step():
            nonlocal taken
            taken += 1

        with catalog._file.reading() as db:
            db.set_progress_handler(step, STEP)
            work()
            db.set_progress_handler(None, STEP)
        return taken

    return count


def merged(catalog, write, name):
    catalog.create_branch(name)
    write(name, "raw.a", 5)
    catalog.merge(name, run_id=name, message="")


ASKED = {
    "head": lambda catalog, _: catalog.head(),
    "log": lambda catalog, _: catalog.log(50),
    "main": lambda catalog, _: catalog.commit("main"),
    "id": lambda catalog, _: catalog.commit(catalog.head().id),
    "run": lambda catalog, _: catalog.made_by(catalog.head().run_id),
    "no run": lambda catalog, _: catalog.made_by("nobody"),
    "tables": lambda catalog, _: catalog.places("main"),
    "tables of a commit": lambda catalog, _: catalog.places(catalog.head().id),
    "branches": lambda catalog, _: catalog.branches(),
    "merge": lambda catalog, write: merged(catalog, write, f"run-{catalog.head().sequence}x"),
    "rollback": lambda catalog, _: catalog.rollback(
        catalog.log(2)[1].id, run_id="back", message=""
    ),
}
"""What commands ask of a catalog, by name."""


@pytest.mark.long
def test_asking_of_the_newest_commits_does_not_read_the_others(catalog, write, steps):
    commits(catalog, write, *["raw.a", "raw.b"] * (FEW // 2))
    grow(catalog, 60)  # more than `log` shows
    few = {name: steps(partial(work, catalog, write)) for name, work in ASKED.items()}
    grow(catalog, MANY)
    many = {name: steps(partial(work, catalog, write)) for name, work in ASKED.items()}
    assert {
        name: (few[name], many[name]) for name in ASKED if many[name] > 1.2 * few[name] + 5
    } == {}


def test_a_file_of_an_earlier_version_gets_its_indexes(catalog, write):
    commits(catalog, write, "raw.a")
    indexes = ("lakehouse_changes_by_sequence", "lakehouse_commits_by_run")
    with sqlite3.connect(catalog.path) as db:
        for name in indexes:
            db.execute(f"DROP INDEX {name}")
    again = SqliteCatalog(catalog.path, catalog.warehouse)
    assert len(again.log()) == 1
    with sqlite3.connect(catalog.path) as db:
        found = db.execute("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()
    assert set(indexes) <= {name for (name,) in found}


@pytest.fixture
def whole_log(monkeypatch):
    """How often all commits were read, and how many records of runs."""
    read = {"log": 0, "records": 0}
    log, load = SqliteCatalog.log, run_records.load

    def counted_log(self, limit=None):
        read["log"] += limit is None
        return log(self, limit)

    def counted_load(*given):
        read["records"] += 1
        return load(*given)

    monkeypatch.setattr(SqliteCatalog, "log", counted_log)
    monkeypatch.setattr(run_records, "load", counted_load)
    return read


@pytest.mark.long
def test_no_command_reads_all_commits_or_all_records(toy, source, whole_log):
    source.rows = [event(f"e{day}", day, at(day)) for day in range(15)]
    for day in range(15):
        toy.run(day)
    with toy.session as session:
        main_moves.republish(session)
        maintain(session)
        main_moves.rollback(session, session.catalog.log(2)[1].id)
    assert whole_log["log"] == 0
    assert whole_log["records"] <= 2 * 16  # upkeep looks once at what each run staged


@pytest.mark.long
def test_whether_a_run_asked_for_the_present_is_told_by_the_newest_record(
    toy, source, whole_log, monkeypatch
):
    toy.change(freshness_hours=(1, 24))
    source.rows = [event("a", 1, at(0))]
    now = datetime.now(UTC)
    for minute, day in enumerate((*range(10), (now - at(0, 0)).days)):
        monkeypatch.setattr(clock, "now", lambda past=10 - minute: now - timedelta(minutes=past))
        toy.run(day)
    whole_log["records"] = 0
    (found,) = freshness(toy.session)
    assert found.state is FreshnessState.FAIL
    assert whole_log["records"] == 1
