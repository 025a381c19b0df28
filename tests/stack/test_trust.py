"""Looking back and going back, on Nessie: what a commit held, what changed, and where from."""

from datetime import UTC, datetime

import pytest
from toy import at, event

from lakehouse.history import main_moves
from lakehouse.history.diff import diff, diff_table
from lakehouse.history.why import why
from lakehouse.maintain import files, maintain


@pytest.fixture
def two_days(toy, source):
    """A lake with a commit for each of two days; the reports of these."""
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    return toy, [toy.run(day) for day in range(2)]


@pytest.fixture
def corrected(two_days, source):
    """The same after one row of two was corrected; main before that, and the report."""
    toy, _ = two_days
    before = toy.head()
    source.rows[1] = event("b", 7, at(1))
    return toy, before, toy.run(1)


def test_a_rollback_gives_main_and_postgres_the_rows_of_then(two_days):
    toy, (first, _) = two_days
    with toy.session as session:
        report = main_moves.rollback(session, first.commit)
    assert report.commit == toy.head()
    assert toy.rows("marts.total") == [{"rows": 1, "total": 1}]
    assert toy.published("total") == [{"rows": 1, "total": 1}]


def test_a_run_after_a_rollback_converges(two_days):
    toy, (first, _) = two_days
    with toy.session as session:
        main_moves.rollback(session, first.commit)
    toy.run(1)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]
    assert toy.published("total") == [{"rows": 2, "total": 3}]


def test_a_tag_reads_as_main_did(two_days, source):
    toy, _ = two_days
    toy.session.catalog.tag("good", "main")
    source.rows[0] = event("a", 9, at(0))
    toy.run(0)
    assert toy.rows("marts.total", "good") == [{"rows": 2, "total": 3}]
    assert toy.rows("silver.valid", "good")[0]["value"] == 1


def test_a_difference_is_the_rows_that_were_corrected(corrected):
    toy, before, _ = corrected
    with toy.session as session:
        found = diff_table(session, before, "main", "raw.events").rows
    assert (found.added, found.removed, found.changed) == (0, 0, 1)
    ((was, now),) = found.examples["changed"]
    assert (was["id"], was["value"], now["value"]) == ("b", 2, 7)


def test_a_difference_lists_the_tables_that_depend_on_it(corrected):
    toy, before, _ = corrected
    with toy.session as session:
        tables = {each.table for each in diff(session, before, "main")}
    assert tables == {"raw.events", "silver.steps", "marts.daily", "marts.total"}


def test_views_differ_as_what_they_are_made_of(corrected):
    toy, before, _ = corrected
    with toy.session as session:
        found = diff_table(session, before, "main", "silver.valid").rows
    assert (found.added, found.removed, found.changed) == (1, 1, 0)  # it has no key


def test_a_row_is_of_the_run_that_corrected_it(corrected):
    toy, _, report = corrected
    with toy.session as session:
        found = why(session, "marts.daily", {"day": "2024-03-02"})
    assert (found.run, found.commit.id) == (report.run_id, report.commit)
    assert found.origins[-1].runs[report.run_id] == 1


def test_run_records_are_joined_with_tables_and_views(two_days):
    toy, (first, second) = two_days
    sql = "select run, count(*) as n from lakehouse.runs join raw.events on run = _run_id"
    with toy.session as session:
        found = session.query(f"{sql} group by run order by run").to_pylist()
        (row,) = session.query("select count(*) as n from lakehouse.runs, silver.valid").to_pylist()
    assert {each["run"]: each["n"] for each in found} == {first.run_id: 1, second.run_id: 1}
    assert row["n"] == 4


EAGER = "[project]\n[maintain]\nkeep_days = 0\ngrace_hours = 0\n"
TABLES = ("raw.events", "silver.steps", "marts.daily", "marts.total")


def test_upkeep_leaves_what_refs_need_and_nothing_else(toy, source, stack):
    toy.environment["LAKEHOUSE_WAREHOUSE"] = stack[
        "LAKEHOUSE_WAREHOUSE"
    ]  # Nessie's own choice, too
    source.rows = [event(name, n, at(n)) for n, name in enumerate("abc")]
    toy.run(0)
    toy.session.catalog.tag("first", "main")
    for day in (1, 2):
        toy.run(day)
    (toy.folder / "lakehouse.toml").write_text(EAGER)
    before = {(ref, table): toy.rows(table, ref) for ref in ("main", "first") for table in TABLES}
    with toy.session as session:
        maintain(session)
        stored = list(files.stored(session.settings.warehouse))
        ours = files.ours(session, (found.folder for found in stored))
        there = {found.path for found in stored if found.folder in ours}
        assert there == files.needed(session, datetime.now(UTC))
    assert {(ref, table): toy.rows(table, ref) for ref, table in before} == before
    assert toy.run(2).status == "nothing to do"
