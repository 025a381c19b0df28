"""The plan: what a run would do, why, and what changed in the code."""

from datetime import timedelta

import pytest
from toy import FIRST, at, event

from lakehouse.plan.selectors import select
from lakehouse.run.plan_preview import preview


@pytest.fixture
def planned(toy):
    """What a run of one day would do, by table."""

    def of(day):
        session = toy.session
        date = FIRST + timedelta(days=day)
        nodes = preview(session, session.days(date, date), select(toy.project, None))
        return {node.node: node for node in nodes}

    return of


@pytest.fixture
def ran(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0, 1)
    return toy


def why(nodes):
    return {name: node.why for name, node in nodes.items()}


def test_everything_is_new_at_first(planned):
    assert why(planned(0)) == {
        "raw.events": "first run",
        "silver.valid": "view",
        "silver.steps": "first run",
        "marts.daily": "first run",
        "marts.total": "first run",
    }


def test_a_day_that_was_never_fetched_is_missing(ran, planned):
    assert why(planned(5))["raw.events"] == "missing window"


def test_a_day_that_was_fetched_is_read_again_because_it_was_asked_for(ran, planned):
    assert why(planned(1))["raw.events"] == "asked for"


def test_what_depends_on_the_fetch_is_told_as_such(ran, planned):
    node = planned(1)["silver.steps"]
    assert (node.why, node.windows) == (
        "if the fetch finds news",
        ("[2024-03-02, 2024-03-04)",),
    )


def test_a_code_change_shows_the_lines_and_the_rows(ran, planned):
    ran.change(factor=3)
    node = planned(0)["silver.steps"]
    assert (node.why, node.windows, node.rows) == ("code changed", ("all",), 2)
    assert any(line.startswith("+") and "* 3" in line for line in node.changes)


def test_a_code_change_shows_the_columns(ran, planned):
    ran.change(wide=True)
    assert "~ column total int64 → float64" in planned(0)["marts.total"].changes


def test_what_lies_below_a_code_change_names_its_parent(ran, planned):
    ran.change(factor=3)
    node = planned(0)["marts.daily"]
    assert (node.windows, node.because) == (("all",), ("steps",))


def test_a_parent_that_moved_without_its_child_is_the_reason(ran, planned, source):
    source.rows.append(event("c", 3, at(1)))
    ran.run(1, selected="raw.events silver.steps")
    assert planned(5)["marts.total"].why == "parent changed"
