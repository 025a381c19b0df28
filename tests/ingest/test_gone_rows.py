"""Rows that a source no longer has: marked in raw, out of all models, there again if they return."""

import pytest
import shop
from heard import Heard
from toy import NotedEvents, Source, at, event

from lakehouse import Unread
from lakehouse.errors import CheckFailedError, SourceError
from lakehouse.ingest.gone_rows import whole_days
from lakehouse.maintain import maintain
from lakehouse.windows import Window

PEOPLE = {
    "feeds/people.py": """
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pyarrow
from lakehouse import ingestion


class Readings(pa.DataFrameModel):
    site: str
    id: str
    at: Annotated[dt.Timestamp, "UTC", 6, True] = pa.Field()


class Sites(pa.DataFrameModel):
    site: str


def people(settings):
    return (settings.root / "people.txt").read_text().split()


@ingestion(table_name="readings", unique_key=("site", "id"), validation_schema=Readings,
           time_column="at", deletes="window")
def readings(people, window):
    noon = datetime(2024, 3, 1, 12, tzinfo=UTC)
    yield pyarrow.Table.from_pylist([{"site": site, "id": "1", "at": noon} for site in people])


@ingestion(table_name="sites", unique_key="site", validation_schema=Sites)
def sites(people):
    yield pyarrow.Table.from_pylist([{"site": site} for site in people])
""",
    "tables/people.py": """
from lakehouse import Incremental, model


@model(kind=Incremental(time_column="at", key="site"))
def places(readings):
    return readings.select("site", "id", "at")
""",
}
"""Readings of people, who are listed in a file."""


@pytest.fixture
def deleting(toy, source):
    """A home of three events on each of three days, whose ingestion declares deletes."""
    source.rows = [
        event(f"{k}{day}", 1, at(day, 12 + n)) for day in range(3) for n, k in enumerate("abc")
    ]
    toy.change(deletes="window")
    toy.run(0, 2)
    return toy


def delete(source, *names):
    source.rows = [row for row in source.rows if row["id"] not in names]


def change(source, name, **fields):
    source.rows = [{**row, **fields} if row["id"] == name else row for row in source.rows]


def marked(toy):
    """The rows of the raw table that are marked as gone, each with the run."""
    sql = "select id, _gone_run, _gone_at is null as unmarked from raw.events order by id"
    rows = toy.session.query(sql).to_pylist()
    assert all(row["unmarked"] == (row["_gone_run"] is None) for row in rows)
    return {row["id"]: row["_gone_run"] for row in rows if row["_gone_run"]}


def there(toy):
    """The ids of the rows that a model over the raw table has."""
    return [row["id"] for row in toy.rows("silver.steps")]


def doubted(toy):
    return toy.session.catalog.tables("main")["raw.events"].state.doubted


def test_a_deleted_row_leaves_the_models_and_the_marts(deleting, source):
    delete(source, "a1")
    report = deleting.run(1)
    assert report.status == "done"
    assert "a1" not in there(deleting)
    assert deleting.published("total") == [{"rows": 8, "total": 8}]


@pytest.mark.long
def test_raw_keeps_a_deleted_row_with_the_run_that_missed_it(deleting, source):
    delete(source, "a1")
    assert marked(deleting) == {}
    run = deleting.run(1).run_id
    assert marked(deleting) == {"a1": run}


@pytest.mark.long
def test_only_what_depends_on_a_deleted_row_is_built(deleting, source):
    delete(source, "a1")
    built = {n.node: n.windows for n in deleting.run(1).nodes if n.step == "model"}
    assert built["silver.steps"] == "[2024-03-02, 2024-03-04)"


@pytest.mark.long
def test_the_run_counts_what_is_gone(deleting, source):
    delete(source, "a1", "b1")
    (node,) = (node for node in deleting.run(1).nodes if node.step == "merge")
    assert (node.counts["gone"], node.rows, node.note) == (2, 2, "1 fetched, 1 unchanged, 2 gone")


@pytest.mark.long
def test_a_run_that_finds_the_same_gone_writes_nothing(deleting, source):
    delete(source, "a1")
    deleting.run(1)
    head = deleting.head()
    assert (deleting.run(1).status, deleting.head()) == ("nothing to do", head)


@pytest.mark.long
def test_a_row_that_comes_back_is_there_again(deleting, source):
    rows = [*source.rows]
    delete(source, "a1")
    deleting.run(1)
    source.rows = rows
    deleting.run(1)
    assert marked(deleting) == {}
    assert "a1" in there(deleting)


@pytest.mark.long
def test_what_was_not_read_is_not_gone(deleting, source):
    delete(source, "a0", "a1", "a2")
    deleting.run(1)
    assert [*marked(deleting)] == ["a1"]


@pytest.mark.long
def test_a_window_that_failed_marks_nothing(deleting, source):
    delete(source, "a0")
    read = source.read

    def half(window):
        yield from read(window)
        raise SourceError("cut")

    source.read = half
    with pytest.raises(SourceError):
        deleting.run(0)
    assert marked(deleting) == {}


@pytest.mark.long
def test_a_row_that_moved_to_another_day_is_changed(deleting, source):
    change(source, "a1", at=at(2, 20))
    (node,) = (n for n in deleting.run(1, 2).nodes if n.step == "merge")
    assert (node.counts["changed"], marked(deleting)) == (1, {})


@pytest.mark.long
def test_a_row_that_moved_out_of_what_is_read_comes_back_there(deleting, source):
    change(source, "a1", at=at(2, 20))
    deleting.run(1)
    assert "a1" not in there(deleting)
    deleting.run(2)
    assert "a1" in there(deleting)
    assert deleting.rows("marts.total") == [{"rows": 9, "total": 9}]


@pytest.mark.long
def test_a_row_that_becomes_invalid_takes_its_old_version_out(deleting, source):
    change(source, "a1", value="ten")
    run = deleting.run(1).run_id
    assert marked(deleting) == {"a1": run}
    assert [row["id"] for row in deleting.rows("quarantine.events")] == ["a1"]
    assert "a1" not in there(deleting)


@pytest.mark.long
def test_an_old_version_of_another_day_goes_too(deleting, source):
    change(source, "a1", value="ten", at=at(2, 20))
    deleting.run(2)
    assert [*marked(deleting)] == ["a1"]


@pytest.mark.long
def test_a_repaired_row_is_there_again(deleting, source):
    change(source, "a1", value="ten")
    deleting.run(1)
    change(source, "a1", value="10")
    deleting.run(1)
    assert marked(deleting) == {}
    assert deleting.rows("marts.total") == [{"rows": 9, "total": 18}]


@pytest.mark.long
@pytest.mark.parametrize("last", ["ten", "10"])
def test_of_two_versions_in_one_fetch_the_last_one_counts(deleting, source, last):
    versions = [event("a1", "10" if last == "ten" else "ten", at(1)), event("a1", last, at(1, 13))]
    delete(source, "a1")
    source.rows += versions
    deleting.run(1)
    assert ("a1" in there(deleting)) == (last == "10")
    head = deleting.head()
    deleting.run(1)
    assert deleting.head() == head


def test_a_day_without_any_row_is_a_warning_first(deleting, source):
    delete(source, "a1", "b1", "c1")
    heard, head = Heard(), deleting.head()
    report = deleting.run(1, listener=heard)
    told = "the source has no rows on 2024-03-02 any more, and 3 are stored: they stay until"
    assert f"raw.events: {told} a later run finds none either" in heard.warnings
    assert (marked(deleting), len(there(deleting))) == ({}, 9)
    assert [entry.run for entry in doubted(deleting)] == [report.run_id]
    assert deleting.head() != head


@pytest.mark.long
def test_a_second_run_confirms_that_the_day_is_empty(deleting, source):
    delete(source, "a1", "b1", "c1")
    deleting.run(1)
    second = deleting.run(1).run_id
    assert marked(deleting) == dict.fromkeys(("a1", "b1", "c1"), second)
    assert doubted(deleting) == ()
    assert deleting.published("total") == [{"rows": 6, "total": 6}]


@pytest.mark.long
def test_a_day_that_returns_is_in_doubt_no_more(deleting, source):
    rows = [*source.rows]
    delete(source, "a1", "b1", "c1")
    deleting.run(1)
    source.rows = rows
    deleting.run(1)
    assert doubted(deleting) == ()
    delete(source, "a1", "b1", "c1")
    deleting.run(1)
    assert marked(deleting) == {}


@pytest.mark.long
def test_a_run_of_other_days_confirms_nothing(deleting, source):
    delete(source, "a1", "b1", "c1")
    deleting.run(1)
    deleting.run(2)
    assert (marked(deleting), len(doubted(deleting))) == ({}, 1)


@pytest.mark.long
def test_a_piece_that_an_earlier_run_read_confirms_nothing(deleting, source):
    read = source.read

    def first_piece(window):
        if window.start > at(3):
            raise SourceError("no luck")
        yield from read(window)

    delete(source, "a1", "b1", "c1")
    source.read = first_piece
    deleting.run(0, 100)
    source.read = read
    deleting.run(0, 100, resume=True)
    assert (marked(deleting), len(doubted(deleting))) == ({}, 1)


@pytest.mark.long
def test_the_day_of_one_key_is_in_doubt_although_others_have_rows(fresh):
    source = Source(*(event(n, 1, at(1, h)) for n in ("anna", "bob") for h in (10, 11)))
    toy = fresh(source)
    toy.change(unique_key=("id", "at"), key="id", deletes="window")
    toy.run(1)
    delete(source, "anna")
    heard = Heard()
    toy.run(1, listener=heard)
    assert "no rows of id anna on 2024-03-02" in heard.warnings[0]
    toy.run(1)
    assert [*marked(toy)] == ["anna"]


@pytest.mark.long
def test_the_rows_of_a_key_that_could_not_be_read_are_not_gone(fresh):
    source = Source(*(event(n, 1, at(1, h)) for n in ("anna", "bob") for h in (10, 11)))
    toy = fresh(source)
    toy.change(unique_key=("id", "at"), deletes="window")
    toy.run(1)
    source.rows = [event("bob", 1, at(1, 10))]
    read = source.read

    def without_anna(window):
        yield Unread({"id": "anna"}, "anna is away")
        yield from read(window)

    source.read = without_anna
    toy.run(1)
    assert ([*marked(toy)], toy.rows("marts.total")) == (["bob"], [{"rows": 3, "total": 3}])
    source.read = read
    toy.run(1)
    assert toy.rows("marts.total") == [{"rows": 1, "total": 1}]


@pytest.mark.long
def test_what_is_not_listed_any_more_is_not_asked_for_and_not_gone(
    tmp_path, monkeypatch, database, warm
):
    monkeypatch.setenv("LAKEHOUSE_POSTGRES_URL", database)
    shop.write(tmp_path, {**shop.SHOP, **PEOPLE})
    for people in ("anna bob", "bob", "bob", "bob"):
        (tmp_path / "people.txt").write_text(people)
        shop.command(tmp_path, "run", "--date", shop.DAY)
    sql = "select site, count(_gone_run) as gone from raw.readings group by 1 order by 1"
    assert shop.command(tmp_path, "query", sql)[1] == [
        {"site": "anna", "gone": 0},
        {"site": "bob", "gone": 0},
    ]


def test_a_day_that_was_read_in_part_is_not_gone_as_a_whole():
    """A date stands for all of its day, and windows of a zone end within one."""
    assert [*map(str, whole_days((Window(at(0, 23), at(3, 23)),)))] == ["[2024-03-02, 2024-03-04)"]
    assert whole_days((Window(at(0, 1), at(1, 23)),)) == ()


@pytest.mark.long
def test_an_old_home_begins_to_mark_once_deletes_is_declared(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(0, 13))]
    toy.run(0)
    delete(source, "a")
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]
    toy.change(deletes="window")
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 1, "total": 2}]


@pytest.mark.long
def test_without_deletes_all_rows_are_there_again(deleting, source):
    delete(source, "a1", "b0", "b1", "c1")
    deleting.run(0, 1)
    deleting.change()
    deleting.run(2)
    assert (deleting.rows("marts.total"), doubted(deleting)) == ([{"rows": 9, "total": 9}], ())
    deleting.change(deletes="window")
    deleting.run(0, 1)
    deleting.run(0, 1)
    assert deleting.rows("marts.total") == [{"rows": 5, "total": 5}]


@pytest.mark.long
def test_marks_stay_if_a_column_is_added(deleting, source):
    delete(source, "a1")
    deleting.run(1)
    deleting.change(deletes="window", schema=NotedEvents)
    deleting.run(2)
    assert [*marked(deleting)] == ["a1"]
    assert len(there(deleting)) == 8


@pytest.mark.long
def test_a_model_that_is_built_before_its_raw_table_leaves_gone_rows_out(deleting, source):
    delete(source, "a1")
    deleting.run(1)
    deleting.change(factor=2)  # no deletes any more, and the raw table is not written
    deleting.run(1, selected="silver.steps")
    assert len(there(deleting)) == 8


@pytest.mark.long
def test_a_retry_of_the_quarantine_marks_nothing(deleting, source):
    change(source, "a1", value="ten")
    deleting.run(1)
    before = marked(deleting)
    deleting.retry()
    assert marked(deleting) == before


@pytest.mark.long
def test_freshness_and_checks_see_only_rows_that_are_there(deleting, source):
    source.rows.append(event("high", 501, at(2)))
    with pytest.raises(CheckFailedError):
        deleting.run(2)
    delete(source, "high")
    assert deleting.run(2).status == "nothing to do"


@pytest.mark.long
def test_why_counts_the_rows_that_are_there(deleting, source):
    from lakehouse.history.why import why

    delete(source, "a1")
    deleting.run(1)
    with deleting.session as session:
        origins = {o.table: o.rows for o in why(session, "marts.total", {}).origins}
        row = why(session, "raw.events", {"id": "a1"}).rows[0]
    assert origins["raw.events"] == 8
    assert row["_gone_run"] is not None


@pytest.mark.long
def test_diff_shows_which_rows_are_marked(deleting, source):
    from lakehouse.history.diff import diff_table

    before = deleting.head()
    delete(source, "a1")
    deleting.run(1)
    with deleting.session as session:
        found = diff_table(session, before, "main", "raw.events")
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (0, 0, 1)


@pytest.mark.long
def test_marks_survive_maintenance(deleting, source):
    delete(source, "a1")
    deleting.run(1)
    with deleting.session as session:
        maintain(session)
    assert [*marked(deleting)] == ["a1"]
    head = deleting.head()
    deleting.run(1)
    assert deleting.head() == head
