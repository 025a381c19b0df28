"""Clocks that are wrong: set ahead, set back, or starting in 1970."""

import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from commits import commits
from toy import Source, at, event

from lakehouse.alerts.ledger import Snooze
from lakehouse.branches import leases, run_branches
from lakehouse.history import main_moves
from lakehouse.maintain import files, maintain
from lakehouse.records import run_records
from lakehouse.system import clock

YEAR = timedelta(days=365)
DAY = timedelta(days=1)
TABLES = ("raw.events", "silver.steps", "marts.daily", "marts.total")
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def step(monkeypatch):
    """Sets the clock ahead, or back, by so much in all."""

    def by(shift):
        monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + shift)

    return by


def execute(toy, statement):
    with psycopg.connect(toy.postgres, autocommit=True) as connection:
        return connection.execute(statement)


def published_by_a_clock_ahead(toy):
    """Let the newest publication seem to be from next year."""
    execute(
        toy,
        "update marts.publication set published_at = now() + interval '1 year' where sequence ="
        " (select max(sequence) from marts.publication)",
    )


def upkeep(toy, keep_days):
    (toy.folder / "lakehouse.toml").write_text(
        f"[project]\n[maintain]\nkeep_days = {keep_days}\nkeep_runs_days = {keep_days}\n"
        "grace_hours = 0\n"
    )
    with toy.session as session:
        return maintain(session)


def readable(toy):
    return [commit.readable for commit in toy.session.catalog.log()]


@pytest.mark.long
def test_the_last_publication_is_told_by_order_not_by_the_clock(two_days):
    second, first = two_days.session.catalog.log()
    published_by_a_clock_ahead(two_days)
    for commit, total in ((first, 1), (second, 3), (first, 1)):
        with two_days.session as session:
            main_moves.rollback(session, commit.id)
        assert [row["total"] for row in two_days.published("total")] == [total]


@pytest.mark.long
def test_publications_of_an_earlier_version_are_put_in_order(two_days, source):
    execute(two_days, "alter table marts.publication drop column number")
    source.rows.append(event("c", 4, at(2)))
    two_days.run(2)
    rows = execute(two_days, "select sequence, number from marts.publication order by number")
    assert rows.fetchall() == [(1, 1), (2, 2), (3, 3)]
    assert two_days.published("total") == [{"rows": 3, "total": 7}]


@pytest.mark.sample(1)
@pytest.mark.parametrize("shift", [-56 * YEAR, -YEAR, -DAY, DAY, YEAR])
def test_the_newest_commit_is_the_last_whatever_the_clock_says(two_days, source, step, shift):
    step(shift)
    source.rows[0] = event("a", 10, at(0))
    report = two_days.run(0)
    assert two_days.head() == report.commit
    assert two_days.published("total") == two_days.rows("marts.total") == [{"rows": 2, "total": 12}]
    step(timedelta())
    source.rows[0] = event("a", 20, at(0))
    two_days.run(0)
    assert two_days.published("total") == [{"rows": 2, "total": 22}]


def test_what_main_had_at_a_moment_heals_when_the_clock_is_right_again(catalog, write, step):
    (first,) = commits(catalog, write, "raw.a")
    step(YEAR)
    catalog.rollback(commits(catalog, write, "raw.b")[0].id, run_id="ahead", message="")
    step(timedelta())
    (right,) = commits(catalog, write, "raw.c")
    assert catalog.head() == right
    assert catalog.at(right.committed_at) == right
    assert catalog.at(right.committed_at - timedelta(microseconds=1)) == first
    assert catalog.at(right.committed_at + 2 * YEAR) == right


@pytest.mark.sample(1)
@pytest.mark.parametrize("runs_too", [False, True])
def test_a_clock_a_year_ahead_makes_nothing_old(two_days, source, step, runs_too):
    step(YEAR)
    if runs_too:
        source.rows.append(event("c", 4, at(2)))
        two_days.run(2)
    before = {found.path for found in files.stored(two_days.session.settings.warehouse)}
    records = set(run_records.places(two_days.session.settings.warehouse))
    upkeep(two_days, 30)
    assert all(readable(two_days))
    assert before <= {found.path for found in files.stored(two_days.session.settings.warehouse)}
    assert records < set(run_records.places(two_days.session.settings.warehouse))


@pytest.mark.long
def test_a_clock_that_goes_on_for_a_day_is_believed(two_days, source, step):
    step(YEAR)
    source.rows.append(event("c", 4, at(2)))
    two_days.run(2)
    step(YEAR + 2 * DAY)
    upkeep(two_days, 30)
    assert readable(two_days) == [True, False, False]


@pytest.mark.long
@pytest.mark.parametrize("shift", [-56 * YEAR, YEAR])
@pytest.mark.parametrize("written", [0, 4e9])
def test_files_of_a_living_run_stay_whatever_any_clock_says(two_days, step, shift, written):
    session = two_days.session
    branch = run_branches.branch_of(run_records.new_id(datetime.now(UTC)))
    new = Path(session.catalog.location("raw.events")) / "data" / "new.parquet"
    with run_branches.claimed(session.settings, branch):
        session.catalog.create_branch(branch)
        new.write_bytes(b"rows to come")
        os.utime(new, (written, written))
        step(shift)
        upkeep(two_days, 0)
        assert new.exists()
    step(timedelta())
    upkeep(two_days, 0)
    assert not new.exists()


@pytest.fixture
def impatient(monkeypatch):
    """Leases that are renewed so often that a test can wait for it."""
    monkeypatch.setattr(leases, "_RENEWED_EVERY", 0.02)
    monkeypatch.setattr(leases, "_WATCHED", 0.5)
    monkeypatch.setattr(leases, "_LOOKS_EVERY", 0.01)


@pytest.mark.parametrize("shift", [-YEAR, -DAY, DAY, YEAR])
def test_a_living_run_of_another_home_keeps_its_branch(toy, step, impatient, shift):
    settings, catalog = toy.session.settings, toy.session.catalog
    catalog.create_branch("run-elsewhere")
    held = leases.Lease(settings.warehouse / "leases" / "run-elsewhere")
    step(shift)
    assert run_branches.sweep(settings, catalog) == []
    held.give_back()
    assert run_branches.sweep(settings, catalog) == ["run-elsewhere"]


@pytest.mark.sample(1)
@pytest.mark.parametrize("written", [0, 4e9])
def test_a_dead_run_of_another_home_does_not_stay_for_ever(toy, impatient, written):
    settings, catalog = toy.session.settings, toy.session.catalog
    catalog.create_branch("run-elsewhere")
    lease = settings.warehouse / "leases" / "run-elsewhere"
    lease.parent.mkdir()
    lease.touch()
    os.utime(lease, (written, written))
    assert run_branches.sweep(settings, catalog) == ["run-elsewhere"]


def test_a_snooze_does_not_last_longer_for_a_clock_that_was_set_back():
    asked = Snooze(NOW, NOW + timedelta(hours=2))
    assert asked.holds(NOW)
    assert asked.holds(NOW - timedelta(minutes=1))
    assert not asked.holds(NOW - DAY)
    assert not asked.holds(NOW + timedelta(hours=2))


@pytest.mark.long
def test_homes_whose_clocks_jump_hold_what_an_undisturbed_one_does(toy, fresh, step):
    dice = random.Random(1)
    source, calm_source = toy.source, Source()
    calm = fresh(calm_source)
    shifts = [-56 * YEAR, -YEAR, -DAY, timedelta(), DAY, YEAR]
    for number in range(6):
        day = dice.randrange(4)
        row = event(f"e{day}", number, at(day))
        for each in (source, calm_source):
            each.rows = [kept for kept in each.rows if kept["id"] != row["id"]] + [row]
        source.opened = lambda: step(dice.choice(shifts))
        step(dice.choice(shifts))
        toy.run(day)
        step(timedelta())
        calm.run(day)
        for table in TABLES:
            assert toy.rows(table) == calm.rows(table)
        for mart in ("daily", "total"):
            assert toy.published(mart) == calm.published(mart)
    assert toy.session.catalog.branches() == []
