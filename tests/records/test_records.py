"""What runs did, as tables that `query` knows."""

import json
from datetime import UTC, datetime

import pytest
from toy import at, event

from lakehouse.errors import CheckFailedError, UnknownNameError
from lakehouse.records import run_records


@pytest.fixture
def ask(toy):
    return lambda sql: toy.session.query(sql).to_pylist()


@pytest.mark.parametrize("table", ["runs", "nodes", "checks", "publications"])
def test_before_the_first_run_the_tables_are_empty(ask, table):
    assert ask(f"select * from lakehouse.{table}") == []


def test_other_tables_are_still_said_to_be_missing(ask):
    with pytest.raises(UnknownNameError, match="no table on main yet"):
        ask("select * from marts.total")


def test_names_of_runs_of_one_second_sort_by_time():
    second = datetime(2024, 3, 15, 12, tzinfo=UTC)
    starts = [second.replace(microsecond=moment) for moment in (0, 17, 4_000, 500_000, 999_999)]
    names = [run_records.new_id(start) for start in starts]
    assert names == sorted(names)
    assert {len(name) for name in names} == {len("20240315T120000-abcdef")}


@pytest.mark.long
def test_every_run_is_a_row_also_one_that_failed(toy, source, ask):
    source.rows = [event("a", 1, at(0))]
    report = toy.run(0)
    source.rows = [event("b", 501, at(1))]
    with pytest.raises(CheckFailedError):
        toy.run(1)
    sql = "select run, status, message, commit, window_start, error from lakehouse.runs order by started_at"
    first, second = ask(sql)
    assert first == {
        "run": report.run_id,
        "status": "done",
        "message": "a test",
        "commit": report.commit,
        "window_start": datetime(2024, 3, 1, tzinfo=UTC),
        "error": None,
    }
    assert (second["status"], second["commit"]) == ("failed", None)
    assert "silver.steps" in second["error"]


@pytest.mark.long
def test_the_nodes_of_a_run_are_in_order(toy, source, ask):
    source.rows = [event("a", 1, at(0))]
    report = toy.run(0)
    sql = "select run, node, rows, seconds from lakehouse.nodes order by position"
    found = ask(sql)
    assert {row["run"] for row in found} == {report.run_id}
    assert [row["node"] for row in found] == [node.node for node in report.nodes]
    assert [row["rows"] for row in found] == [node.rows for node in report.nodes]


def test_what_checks_found_is_told(toy, source, ask):
    source.rows = [event("a", 501, at(0)), event("b", 502, at(0))]
    with pytest.raises(CheckFailedError):
        toy.run(0)
    sql = "select table_name, check_name, blocking, passed, failures from lakehouse.checks"
    assert ask(sql) == [
        {
            "table_name": "silver.steps",
            "check_name": "small_values",
            "blocking": True,
            "passed": False,
            "failures": 2,
        }
    ]


@pytest.mark.long
def test_what_was_published_is_told(toy, source, ask):
    source.rows = [event("a", 1, at(0))]
    report = toy.run(0)
    sql = "select commit, mart, rows from lakehouse.publications order by mart"
    assert ask(sql) == [
        {"commit": report.commit, "mart": mart, "rows": 1} for mart in ("daily", "total")
    ]


@pytest.mark.long
def test_what_became_of_fetched_rows_is_told(toy, source, ask):
    source.rows = [event("a", 1, at(0)), event("b", "x", at(0))]
    toy.run(0)
    sql = "select (counts ->> 'quarantined')::int as rejected from lakehouse.nodes"
    assert ask(f"{sql} where step = 'merge'") == [{"rejected": 1}]


@pytest.mark.long
def test_a_record_is_small_beside_what_it_says(toy, source):
    source.rows = [event("a", 1, at(0))]
    report = toy.run(0)
    (place,) = run_records.places(toy.session.settings.warehouse).values()
    assert place.stat().st_size < len(json.dumps(report.to_json())) / 3


@pytest.mark.long
def test_a_record_of_an_earlier_version_is_read_beside_those_of_this_one(toy, source, ask):
    source.rows = [event("a", 1, at(0))]
    before = toy.run(0, hold=True)
    warehouse = toy.session.settings.warehouse
    (place,) = run_records.places(warehouse).values()
    document = json.dumps(run_records.load(warehouse, before.run_id), indent=1)
    place.unlink()
    place.with_suffix("").write_text(document)
    after = toy.run(0)
    assert [branch.name for branch in toy.session.catalog.branches()] == [before.branch]
    sql = "select run, status from lakehouse.runs order by started_at"
    assert [row["run"] for row in ask(sql)] == [before.run_id, after.run_id]
    run_records.keep(warehouse, run_records.find(warehouse, before.run_id) | {"status": "done"})
    assert [row["status"] for row in ask(sql)] == ["done", "done"]
