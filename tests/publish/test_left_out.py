"""What Postgres cannot hold is told of before main moves, and stays out; all else is published."""

import pytest
from marts import add_marts, mart
from toy import at, event

from lakehouse import Incremental
from lakehouse.checks.result import CheckOutcome
from lakehouse.history import main_moves


def listed(events):
    return events.select("id", "at", rows=events.id, value=events.value)


@pytest.fixture
def spoiled(toy, source):
    """With a mart of all events, one of which has a NUL in its text."""
    source.rows = [event("a", 1, at(0)), event("b\0c", 2, at(0)), event("d", 3, at(1))]
    add_marts(toy, mart(listed, "listed"), kind=Incremental(time_column="at"))
    return toy


@pytest.mark.long
def test_a_row_that_postgres_cannot_hold_is_named_and_all_others_are_published(spoiled):
    report = spoiled.run(0, 1)
    left_out = [check for check in report.checks if check.table == "marts.listed"]
    assert [(check.outcome, check.failures, check.rows) for check in left_out] == [
        (CheckOutcome.WARNING, 1, 3),
        (CheckOutcome.WARNING, 1, 3),
    ]
    assert left_out[0].label.endswith("cannot hold the character NUL in 'id'")
    assert left_out[0].examples[0]["value"] == 2
    assert "'b\\x00c'" in repr(left_out[0].examples[0]["id"])
    assert [row["id"] for row in spoiled.published("listed")] == ["a", "d"]
    assert len(spoiled.rows("marts.listed")) == 3


@pytest.mark.long
def test_the_command_that_it_names_shows_the_row(spoiled):
    report = spoiled.run(0, 1)
    check = next(check for check in report.checks if check.table == "marts.listed")
    with spoiled.session as session:
        assert session.query(check.sql).to_pylist()[0]["value"] == 2


@pytest.mark.long
def test_runs_that_change_no_such_row_say_nothing_and_it_stays_out(spoiled, source):
    spoiled.run(0, 1)
    source.rows.append(event("e", 4, at(1)))
    report = spoiled.run(1)
    assert [check for check in report.checks if check.table == "marts.listed"] == []
    with spoiled.session as session:
        main_moves.republish(session)
    assert [row["id"] for row in spoiled.published("listed")] == ["a", "d", "e"]


@pytest.mark.long
def test_a_row_that_is_mended_comes_in(spoiled, source):
    spoiled.run(0, 1)
    source.rows[1] = event("c", 2, at(0))
    spoiled.run(0, full_refresh=True)
    assert [row["id"] for row in spoiled.published("listed")] == ["a", "c", "d"]
