"""Upkeep: a home becomes small, and what a ref needs stays."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from toy import at, event

from lakehouse.branches import run_branches
from lakehouse.errors import CheckFailedError, ConfigError, StorageError, UnknownNameError
from lakehouse.maintain import compact, files, maintain
from lakehouse.plan import file_spans
from lakehouse.records import run_records

TABLES = ("raw.events", "silver.steps", "marts.daily", "marts.total")
EAGER = "[maintain]\nkeep_days = 0\ngrace_hours = 0\n"


@pytest.fixture
def upkeep(toy):
    """Maintains the home of the toy, keeping as little as it may unless told otherwise."""

    def work(settings=EAGER, **options):
        (toy.folder / "lakehouse.toml").write_text(f"[project]\n{settings}")
        with toy.session as session:
            return maintain(session, **options)

    return work


@pytest.fixture
def five_days(toy, source):
    """A home with a commit for each of five days, the first of them tagged."""
    source.rows = [event(f"e{day}", day, at(day)) for day in range(5)]
    for day in range(5):
        toy.run(day)
        if day == 0:
            toy.session.catalog.tag("first", "main")
    return toy


def content(toy, *refs):
    return {(ref, table): toy.rows(table, ref) for ref in refs for table in TABLES}


def stored(toy):
    return {found.path for found in files.stored(toy.session.settings.warehouse)}


def done(report):
    return {(node.step, node.node) for node in report.nodes}


@pytest.mark.long
def test_every_ref_that_is_kept_reads_the_same(five_days, source, upkeep):
    source.rows.append(event("held", 9, at(1)))
    held = f"run-{five_days.run(1, hold=True).run_id}"
    before, then = content(five_days, "main", "first", held), stored(five_days)
    upkeep()
    assert content(five_days, "main", "first", held) == before
    assert stored(five_days) < then


@pytest.mark.long
def test_no_file_is_left_that_no_ref_names(five_days, upkeep):
    upkeep()
    assert stored(five_days) == files.needed(five_days.session, datetime.now(UTC))


@pytest.mark.long
def test_a_run_after_upkeep_finds_nothing_new(five_days, upkeep):
    head = five_days.head()
    upkeep()
    assert upkeep().status == "nothing to do"
    assert five_days.run(0, 4).status == "nothing to do"
    assert five_days.head() == head


@pytest.mark.long
def test_a_run_after_upkeep_goes_on_as_if_there_had_been_none(five_days, source, upkeep, fresh):
    upkeep()
    source.rows[2] = event("e2", 70, at(2))
    source.rows.append(event("e5", 5, at(5)))
    five_days.run(2, 5)
    whole = fresh(source)
    whole.run(0, 5)
    assert content(five_days, "main") == content(whole, "main")


@pytest.mark.long
def test_a_dry_run_says_the_same_and_does_nothing(five_days, upkeep):
    before = stored(five_days)
    said = upkeep(dry_run=True)
    assert stored(five_days) == before
    assert all(commit.readable for commit in five_days.session.catalog.log())
    assert [vars(node) | {"seconds": 0} for node in said.nodes] == [
        vars(node) | {"seconds": 0} for node in upkeep().nodes
    ]


@pytest.mark.long
def test_commits_are_readable_for_as_long_as_they_are_kept(five_days, upkeep):
    *_, second, first = five_days.session.catalog.log()
    upkeep("[maintain]\nkeep_days = 1\ngrace_hours = 0\n")
    assert len(five_days.rows("raw.events", second.id)) == 2
    upkeep()
    assert len(five_days.rows("raw.events", first.id)) == 1
    with pytest.raises(UnknownNameError, match="has expired"):
        five_days.rows("raw.events", second.id)


@pytest.mark.long
def test_files_of_one_month_become_one_and_the_rows_keep_their_version(
    toy, source, upkeep, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(file_spans, "SMALL_FILE_ROWS", 0)  # no write takes its neighbours along
        for day in (0, 1, 2, 40):
            source.rows.append(event(f"e{day}", day, at(day)))
            toy.run(day)
    before, tables = content(toy, "main"), toy.session.catalog.tables("main")
    report = upkeep("")
    after = toy.session.catalog.tables("main")
    assert ("compact", "silver.steps") in done(report)
    for name in ("raw.events", "silver.steps"):
        assert len(toy.engine.data_files(tables[name])) == 4
        assert len(toy.engine.data_files(after[name])) == 2
        assert after[name].state == tables[name].state
    assert content(toy, "main") == before
    assert toy.session.catalog.head().id == report.commit
    assert toy.run(0).status == "nothing to do"


@pytest.mark.long
def test_files_that_would_not_become_fewer_are_left(toy, source, upkeep, monkeypatch):
    for day in (0, 25, 33, 40):
        source.rows.append(event(f"e{day}", day, at(day)))
        toy.run(day)
    monkeypatch.setattr(file_spans, "MONTH_ROWS", 0)  # two months are three spans of sixteen days
    assert "compact" not in {kind for kind, _ in done(upkeep(""))}


@pytest.mark.long
def test_compaction_gives_way_to_a_run(toy, source, upkeep, monkeypatch):
    rewrite = compact.rewrite

    def disturbed(*arguments):
        rewrite(*arguments)
        source.rows.append(event("late", 7, at(2)))
        toy.run(2)

    with monkeypatch.context() as patched:
        patched.setattr(file_spans, "SMALL_FILE_ROWS", 0)
        for day in (0, 1):
            source.rows.append(event(f"e{day}", day, at(day)))
            toy.run(day)
        patched.setattr(compact, "rewrite", disturbed)
        report = upkeep()
    assert report.commit is None
    assert "left for next time" in report.nodes[0].note
    assert toy.rows("marts.total") == [{"rows": 3, "total": 8}]
    assert toy.session.catalog.branches() == []


@pytest.mark.long
def test_what_a_living_run_is_about_to_name_stays(five_days, upkeep):
    session = five_days.session
    branch = run_branches.branch_of(run_records.new_id(datetime.now(UTC)))
    new = Path(session.catalog.location("raw.events")) / "data" / "new.parquet"
    with run_branches.claimed(session.settings, branch):
        session.catalog.create_branch(branch)
        new.write_bytes(b"rows to come")
        tick = datetime.now(UTC).timestamp() + 1
        os.utime(new, (tick, tick))
        upkeep()
        assert new.exists()
        assert branch in {each.name for each in session.catalog.branches()}
    os.utime(new, (0, 0))
    upkeep()
    assert not new.exists()


@pytest.mark.long
def test_a_young_file_stays_though_no_ref_names_it(five_days, upkeep):
    new = Path(five_days.session.catalog.location("raw.events")) / "data" / "new.parquet"
    new.write_bytes(b"")
    hours = datetime.now(UTC) - timedelta(hours=5)
    os.utime(new, (hours.timestamp(), hours.timestamp()))
    upkeep("[maintain]\nkeep_days = 0\n")
    assert new.exists()
    upkeep("[maintain]\nkeep_days = 0\ngrace_hours = 4\n")
    assert not new.exists()


@pytest.mark.long
def test_nothing_is_removed_if_a_ref_cannot_be_read(five_days, upkeep):
    place = five_days.session.catalog.places("first")["marts.total"]
    Path(place.removeprefix("file://")).unlink()
    before = stored(five_days)
    with pytest.raises(StorageError, match="which is not there"):
        upkeep()
    assert stored(five_days) == before


@pytest.mark.long
def test_old_branches_of_failed_runs_go_and_held_ones_stay(toy, source, upkeep):
    source.rows = [event("a", 1, at(0))]
    held = f"run-{toy.run(0, hold=True).run_id}"
    source.rows = [event("b", 501, at(0))]
    with pytest.raises(CheckFailedError):
        toy.run(0)
    upkeep("")
    assert len(toy.session.catalog.branches()) == 2
    upkeep()
    assert [branch.name for branch in toy.session.catalog.branches()] == [held]


@pytest.mark.long
def test_what_was_staged_goes_once_it_has_reached_main(toy, source, upkeep):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    source.rows = [event("b", 501, at(0))]
    with pytest.raises(CheckFailedError):
        toy.run(0)
    staging = toy.session.settings.warehouse / "staging"
    (badly,) = (each.parent for each in staging.glob("*/journal.jsonl"))
    upkeep("")
    assert list(staging.glob("*")) == [badly]
    upkeep()
    assert list(staging.glob("*")) == []


@pytest.mark.long
def test_old_records_go_unless_their_commit_is_kept(five_days, upkeep):
    warehouse = five_days.session.settings.warehouse
    record = run_records.load(warehouse, five_days.session.catalog.commit("first").run_id)
    run_records.keep(warehouse, record | {"run": "20200101T000000-abcdef"})
    yesterday = run_records.new_id(datetime.now(UTC) - timedelta(days=1, hours=1))
    run_records.keep(warehouse, record | {"run": yesterday})  # so that the clock is believed
    kept = {commit.run_id for commit in five_days.session.catalog.log()}
    upkeep("")
    left = set(run_records.places(warehouse))
    assert kept < left
    assert "20200101T000000-abcdef" not in left


@pytest.mark.long
@pytest.mark.parametrize(
    ("setting", "said"),
    [("keep_dais = 3", "no setting 'keep_dais'"), ("keep_days = -1", "`keep_days`")],
)
def test_a_setting_that_cannot_be_meant_is_one_clear_error(upkeep, setting, said):
    with pytest.raises(ConfigError, match=said):
        upkeep(f"[maintain]\n{setting}\n")


@pytest.mark.long
def test_upkeep_is_recorded(five_days, upkeep):
    report = upkeep()
    record = run_records.find(five_days.session.settings.warehouse, report.run_id)
    assert (record["message"], record["status"]) == ("maintain", "done")
