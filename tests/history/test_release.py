"""What moves main besides a run: a merge after review, a rollback; and Postgres, which follows."""

import psycopg
import pytest
from toy import at, event

from lakehouse.branches import run_branches
from lakehouse.errors import CheckFailedError, MergeConflictError, PublishError, UnknownNameError
from lakehouse.history import main_moves
from lakehouse.records import run_records


def rollback(toy, ref):
    with toy.session as session:
        return main_moves.rollback(session, ref)


def merge(toy, run):
    with toy.session as session:
        return main_moves.merge(session, run)


def first(toy):
    return toy.session.catalog.log()[-1].id


@pytest.mark.long
def test_a_held_run_leaves_main_and_postgres(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0)
    head = toy.head()
    report = toy.run(1, hold=True)
    assert (report.status, report.commit, toy.head()) == ("held", None, head)
    assert toy.published("total") == [{"rows": 1, "total": 1}]
    assert toy.rows("marts.total", f"run-{report.run_id}") == [{"rows": 2, "total": 3}]


@pytest.mark.long
def test_a_held_run_without_news_holds_nothing(two_days):
    report = two_days.run(1, hold=True)
    assert report.status == "nothing to do"
    assert two_days.session.catalog.branches() == []


@pytest.mark.long
def test_a_held_run_whose_check_fails_is_not_held(toy, source):
    source.rows = [event("a", 501, at(0))]
    with pytest.raises(CheckFailedError):
        toy.run(0, hold=True)
    (branch,) = toy.session.catalog.branches()
    status = run_branches.status(toy.session.settings, branch.name)
    assert status is run_branches.BranchStatus.FAILED
    with pytest.raises(UnknownNameError, match="is failed, not held"):
        merge(toy, branch.name)
    assert toy.head() is None


@pytest.mark.long
def test_a_held_branch_outlives_later_runs(toy, source):
    source.rows = [event("a", 1, at(0))]
    report = toy.run(0, hold=True)
    source.rows = []
    toy.run(5)
    assert [b.name for b in toy.session.catalog.branches()] == [f"run-{report.run_id}"]


@pytest.mark.long
def test_merging_a_held_run_moves_main_and_publishes(toy, source):
    source.rows = [event("a", 1, at(0))]
    report = toy.run(0, hold=True)
    record = merge(toy, report.run_id[-6:])
    (commit,) = toy.session.catalog.log()
    assert (commit.id, commit.run_id, commit.message) == (
        record["commit"],
        report.run_id,
        "a test",
    )
    assert record["status"] == "done"
    assert record == run_records.find(toy.session.settings.warehouse, report.run_id)
    assert toy.published("total") == [{"rows": 1, "total": 1}]
    assert toy.session.catalog.branches() == []


@pytest.mark.long
def test_a_held_run_does_not_merge_over_what_came_meanwhile(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    held = toy.run(0, hold=True)
    toy.run(1)
    head = toy.head()
    with pytest.raises(MergeConflictError, match=r"main moved in .*raw\.events") as caught:
        merge(toy, held.run_id)
    assert f"branches --drop run-{held.run_id}" in caught.value.hint
    assert toy.head() == head


def test_a_dropped_branch_cannot_be_merged(toy, source):
    source.rows = [event("a", 1, at(0))]
    held = toy.run(0, hold=True)
    run_branches.drop(toy.session.settings, toy.session.catalog, f"run-{held.run_id}")
    with pytest.raises(UnknownNameError, match="there is no branch"):
        merge(toy, held.run_id)


def test_a_branch_that_a_run_works_on_is_not_dropped(toy, source):
    source.rows = [event("a", 1, at(0))]
    held = f"run-{toy.run(0, hold=True).run_id}"
    settings, catalog = toy.session.settings, toy.session.catalog
    with run_branches.claimed(settings, held):
        assert run_branches.status(settings, held) is run_branches.BranchStatus.LIVING
        with pytest.raises(UnknownNameError, match="a run works on"):
            run_branches.drop(settings, catalog, held)
    assert [b.name for b in catalog.branches()] == [held]


@pytest.mark.long
def test_a_merge_that_could_not_be_published_says_so_in_its_record(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    with psycopg.connect(toy.postgres, autocommit=True) as connection:
        connection.execute("create view public.mine as select total from marts.total")
    toy.change(wide=True)
    held = toy.run(0, hold=True)
    with pytest.raises(PublishError):
        merge(toy, held.run_id)
    record = run_records.find(toy.session.settings.warehouse, held.run_id)
    assert (record["status"], record["commit"]) == ("failed", toy.head())


def test_a_rollback_gives_main_and_postgres_the_rows_of_then(two_days):
    then = first(two_days)
    report = rollback(two_days, then)
    assert report.commit == two_days.head()
    assert two_days.rows("marts.daily") == two_days.rows("marts.daily", then)
    assert two_days.published("total") == [{"rows": 1, "total": 1}]
    assert len(two_days.published("daily")) == 1


@pytest.mark.long
def test_a_rollback_is_in_the_log_and_has_a_record(two_days):
    two_days.session.catalog.tag("good", first(two_days))
    report = rollback(two_days, "good")
    newest = two_days.session.catalog.log()[0]
    assert (newest.run_id, newest.message) == (report.run_id, report.message)
    assert report.message == f"rollback to good ({first(two_days)})"
    assert (
        run_records.find(two_days.session.settings.warehouse, report.run_id)["commit"] == newest.id
    )


@pytest.mark.long
def test_a_run_after_a_rollback_converges(two_days, source, fresh):
    source.rows.append(event("c", 4, at(2)))
    two_days.run(2)
    rollback(two_days, first(two_days))
    source.rows[0] = event("a", 7, at(0))
    two_days.run(0)
    two_days.run(1, 2)
    whole = fresh(source)
    whole.run(0, 2)
    for table in ("raw.events", "silver.steps", "marts.daily", "marts.total"):
        assert two_days.rows(table) == whole.rows(table)
    for mart in ("daily", "total"):
        assert two_days.published(mart) == whole.published(mart)


@pytest.mark.long
def test_days_that_were_rolled_back_are_missing_again(two_days):
    asked = two_days.session.days(*[at(0).date(), at(1).date()])
    assert two_days.session.missing(asked) == ()
    rollback(two_days, first(two_days))
    assert str(two_days.session.missing(asked)[0]) == "[2024-03-02, 2024-03-03)"


@pytest.mark.long
def test_a_run_after_a_rollback_without_news_writes_nothing(two_days):
    rollback(two_days, first(two_days))
    assert two_days.run(0).status == "nothing to do"


@pytest.mark.long
def test_a_mart_that_vanished_is_empty_in_postgres_and_its_views_stay(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0, selected="+daily")
    then = toy.head()
    toy.run(0)
    with psycopg.connect(toy.postgres, autocommit=True) as connection:
        connection.execute("create view public.mine as select total from marts.total")
    rollback(toy, then)
    with psycopg.connect(toy.postgres) as connection:
        assert connection.execute("select count(*) from public.mine").fetchone() == (0,)
    assert len(toy.published("daily")) == 1
    toy.run(0)
    assert toy.published("total") == [{"rows": 1, "total": 1}]


@pytest.mark.long
def test_publishing_again_repairs_what_somebody_deleted(two_days):
    with psycopg.connect(two_days.postgres, autocommit=True) as connection:
        connection.execute("delete from marts.daily")
    with two_days.session as session:
        report = main_moves.republish(session)
    assert report.published == {"daily": 2, "total": 1}
    assert [row["total"] for row in two_days.published("daily")] == [1, 2]
