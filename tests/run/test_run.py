"""Runs of the toy project: what reaches main and Postgres, and what does not."""

import json
import re

import pytest
from toy import NotedEvents, at, event

from lakehouse.engines.duckdb import DuckDB
from lakehouse.errors import CheckFailedError, ProjectError, QueryError, SourceError
from lakehouse.records import run_records


def reasons(report):
    return {node.node: str(node.reason) for node in report.nodes if node.step == "model"}


@pytest.mark.long
def test_a_run_takes_rows_through_every_layer(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(0, 13))]
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]


@pytest.mark.long
def test_a_run_publishes_every_mart(toy, source):
    source.rows = [event("a", 1, at(0))]
    report = toy.run(0)
    assert report.published == {"daily": 1, "total": 1}
    assert toy.published("total") == [{"rows": 1, "total": 1}]


@pytest.mark.long
def test_a_run_fetches_its_own_day_alone(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1)), event("c", 3, at(2))]
    toy.run(1)
    assert toy.rows("marts.total") == [{"rows": 1, "total": 2}]


@pytest.mark.long
def test_the_same_run_again_changes_nothing(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    head = toy.head()
    report = toy.run(0)
    assert (report.status, toy.head(), report.published) == ("nothing to do", head, None)


@pytest.mark.long
def test_an_empty_day_is_remembered_once(toy):
    toy.run(0)
    head = toy.head()
    assert toy.run(0).status == "nothing to do"
    assert toy.head() == head


@pytest.mark.long
def test_a_row_from_before_1970_is_built_on_its_own_day(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(-20_000, 23, 30))]
    toy.run(0)
    toy.run(-20_000)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]


@pytest.mark.long
def test_a_corrected_row_replaces_the_old_one_everywhere(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0, 1)
    source.rows[0] = event("a", 10, at(0))
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 12}]
    assert [row["total"] for row in toy.published("daily")] == [10, 2]


@pytest.mark.long
def test_a_row_that_moved_to_another_day_leaves_the_first(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(0))]
    toy.run(0)
    source.rows[0] = event("a", 1, at(3))
    toy.run(3)
    assert [row["rows"] for row in toy.rows("marts.daily")] == [1, 1]


@pytest.mark.long
def test_an_unchanged_row_keeps_the_run_that_wrote_it(toy, source):
    source.rows = [event("a", 1, at(0))]
    first = toy.run(0).run_id
    source.rows.append(event("b", 2, at(0)))
    second = toy.run(0).run_id
    runs = toy.session.query("select id, _run_id from raw.events order by id").to_pylist()
    assert [row["_run_id"] for row in runs] == [first, second]


@pytest.mark.long
def test_only_what_depends_on_news_is_built(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(5))]
    toy.run(0, 5)
    source.rows.append(event("c", 3, at(5)))
    built = {node.node: node.windows for node in toy.run(5).nodes if node.step == "model"}
    assert built["silver.steps"] == "[2024-03-06, 2024-03-08)"


@pytest.mark.long
def test_changed_code_rebuilds_the_model_and_its_children(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    toy.change(factor=3)
    found = reasons(toy.run(0))
    assert found == {
        "silver.steps": "code changed",
        "marts.daily": "parent changed",
        "marts.total": "parent changed",
    }
    assert toy.published("total") == [{"rows": 1, "total": 3}]


@pytest.mark.long
def test_a_full_refresh_rebuilds_every_model(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    assert set(reasons(toy.run(0, full_refresh=True)).values()) == {"forced"}


@pytest.mark.long
def test_a_selected_run_leaves_the_rest_alone(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    source.rows.append(event("b", 2, at(0)))
    toy.run(0, selected="raw.events silver.steps marts.daily")
    assert toy.rows("marts.daily")[0]["total"] == 3
    assert toy.rows("marts.total") == [{"rows": 1, "total": 1}]


@pytest.mark.long
def test_what_a_selected_run_left_is_caught_up_later(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    source.rows.append(event("b", 2, at(0)))
    toy.run(0, selected="raw.events silver.steps")
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]


@pytest.mark.long
def test_the_overlap_is_read_again_where_it_was_read_before(toy, source):
    toy.change(overlap="2d")
    toy.run(0)
    source.rows = [event("late", 1, at(0)), event("b", 2, at(1))]
    toy.run(1)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]


def test_the_overlap_does_not_reach_into_days_nobody_asked_for(toy, source):
    toy.change(overlap="2d")
    source.rows = [event("early", 1, at(0)), event("b", 2, at(1))]
    toy.run(1)
    assert toy.rows("marts.total") == [{"rows": 1, "total": 2}]


@pytest.mark.long
def test_a_failed_blocking_check_leaves_main_and_postgres(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    head = toy.head()
    source.rows.append(event("b", 501, at(0)))
    with pytest.raises(CheckFailedError, match=r"silver.steps.*1 of 2 rows"):
        toy.run(0)
    assert toy.head() == head
    assert toy.published("total") == [{"rows": 1, "total": 1}]


@pytest.mark.long
def test_a_failed_blocking_check_leaves_the_branch_to_look_at(toy, source):
    source.rows = [event("b", 501, at(0))]
    with pytest.raises(CheckFailedError):
        toy.run(0)
    (branch,) = toy.session.catalog.branches()
    assert toy.rows("marts.total", branch.name) == [{"rows": 1, "total": 501}]


def test_a_source_that_fails_midway_leaves_nothing(toy, source):
    def half(window):
        yield from type(source).read(source, window)
        raise SourceError("the line was cut")

    source.rows = [event("a", 1, at(0))]
    source.read = half
    with pytest.raises(SourceError, match="the line was cut"):
        toy.run(0)
    assert toy.head() is None
    assert toy.session.catalog.branches() == []


@pytest.mark.long
def test_a_statement_that_fails_names_its_model_and_the_views_in_it(toy, source):
    source.rows = [event("a", 100, at(0))]
    toy.change(factor=10**18)
    told = r"toy\.py:\d+ in steps: silver\.steps cannot be built: DuckDB: Out of Range Error"
    with pytest.raises(QueryError, match=told) as refused:
        toy.run(0)
    assert re.search(r"or \S*toy\.py:\d+ in valid", refused.value.hint)
    assert toy.head() is None


@pytest.mark.long
def test_the_record_of_a_run_names_the_model_whose_statement_failed(toy, source):
    source.rows = [event("a", 100, at(0))]
    toy.change(factor=10**18)
    with pytest.raises(QueryError) as refused:
        toy.run(0)
    (record,) = toy.rows("lakehouse.runs")
    assert refused.value.message in record["error"]


def test_what_a_source_raises_is_told_with_its_place(toy, source):
    source.read = lambda window: (1 / 0 for _ in [window])
    told = r"raw\.events could not be fetched: .*test_run\.py:\d+ in \w+: ZeroDivisionError"
    with pytest.raises(ProjectError, match=told):
        toy.run()


@pytest.mark.long
def test_a_failed_run_is_recorded_too(toy, source):
    source.rows = [event("b", 501, at(0))]
    with pytest.raises(CheckFailedError):
        toy.run(0)
    warehouse = toy.session.settings.warehouse
    (document,) = (run_records.load(warehouse, run) for run in run_records.places(warehouse))
    assert document["status"] == "failed"
    assert "silver.steps" in document["error"]


def test_rows_that_fail_validation_are_quarantined_with_reasons(toy, source):
    source.rows = [
        event("good", 1, at(0)),
        event("text", "x", at(0)),
        event("low", -1, at(0)),
        event("none", None, at(0)),
    ]
    toy.run(0)
    found = toy.session.query("select id, reasons from quarantine.events order by id").to_pylist()
    assert found == [
        {"id": "low", "reasons": "value: greater_than_or_equal_to(0)"},
        {"id": "none", "reasons": "value is missing"},
        {"id": "text", "reasons": "value: x is not a whole number of 64 bits"},
    ]
    assert toy.rows("marts.total") == [{"rows": 1, "total": 1}]


def test_a_quarantined_row_keeps_every_field_as_it_came(toy, source):
    source.rows = [event("text", "x", at(0))]
    toy.run(0)
    (held,) = toy.session.query("select payload from quarantine.events").to_pylist()
    assert json.loads(held["payload"]) == {
        "id": "text",
        "value": "x",
        "at": "2024-03-01 12:00:00+00",
    }


@pytest.mark.long
def test_a_repaired_row_leaves_quarantine(toy, source):
    source.rows = [event("a", "x", at(0)), event("b", "y", at(0))]
    toy.run(0)
    source.rows[0] = event("a", 7, at(0))
    toy.run(0)
    assert [row["id"] for row in toy.rows("quarantine.events")] == ["b"]
    assert toy.rows("marts.total") == [{"rows": 1, "total": 7}]


@pytest.mark.long
@pytest.mark.parametrize("key", [None, ""])
def test_rejected_rows_without_a_key_are_told_apart_by_their_content(toy, source, key):
    source.rows = [event(key, "x", at(0)), event(key, "y", at(0))]
    toy.run(0)
    assert len(toy.rows("quarantine.events")) == 2


def test_a_rejected_row_that_comes_again_is_no_news(toy, source):
    source.rows = [event("a", "x", at(0))]
    toy.run(0)
    assert toy.run(0).status == "nothing to do"


@pytest.mark.long
def test_a_new_column_of_a_source_costs_no_rows(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(40))]
    toy.run(0, 40)
    toy.change(schema=NotedEvents)
    source.rows.append(event("c", 3, at(1)))
    toy.run(1)
    rows = toy.session.query("select id, note from raw.events order by id").to_pylist()
    assert rows == [{"id": key, "note": None} for key in "abc"]
    assert toy.rows("marts.total") == [{"rows": 3, "total": 6}]


@pytest.mark.long
def test_of_two_rows_with_one_key_the_later_counts(toy, source):
    source.rows = [event("a", 1, at(0)), event("a", 2, at(0))]
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 1, "total": 2}]


def test_an_engine_that_shows_another_lakehouse_leaves_no_branch(toy, source, monkeypatch):
    def refuse(_engine, _branches):
        raise QueryError("shows another lakehouse")

    monkeypatch.setattr(DuckDB, "sweep", refuse)
    source.rows = [event("a", 1, at(0))]
    with pytest.raises(QueryError, match="shows another lakehouse"):
        toy.run(0)
    assert toy.session.catalog.branches() == []
