"""The plan: what a run would do, why, and what changed in the code."""

from dataclasses import replace
from datetime import timedelta

import pytest
from toy import FIRST, NotedEvents, at, event

from lakehouse import Incremental
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


def without(models, name):
    """Models but one."""
    return {other: model for other, model in models.items() if other != name}


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


@pytest.mark.long
def test_a_day_that_was_fetched_is_read_again_because_it_was_asked_for(ran, planned):
    assert why(planned(1))["raw.events"] == "asked for"


@pytest.mark.long
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


@pytest.mark.long
def test_a_code_change_shows_the_columns(ran, planned):
    ran.change(wide=True)
    assert "~ column total int64 → float64" in planned(0)["marts.total"].changes


@pytest.mark.long
def test_what_lies_below_a_code_change_names_its_parent(ran, planned):
    ran.change(factor=3)
    node = planned(0)["marts.daily"]
    assert (node.why, node.windows, node.because) == ("parent changed", ("all",), ("steps",))


@pytest.mark.long
def test_a_changed_kind_is_shown(ran, planned):
    ran.change(kind=Incremental(key="id"))
    node = planned(0)["silver.steps"]
    assert node.why == "code changed"
    changed = "Incremental(time_column='at', lookback='1d') → Incremental(key='id')"
    assert node.changes == (f"~ kind {changed}",)


@pytest.mark.long
def test_a_changed_key_of_an_ingestion_is_shown(ran, planned):
    ran.change(unique_key=("id", "at"))
    assert planned(0)["raw.events"].changes == ("~ unique_key id → id, at",)


@pytest.mark.long
def test_changed_columns_of_an_ingestion_rebuild_what_reads_it(ran, planned):
    ran.change(schema=NotedEvents)
    nodes = planned(0)
    assert nodes["raw.events"].why == "code changed"
    assert "+ column note string" in nodes["raw.events"].changes
    assert (nodes["silver.steps"].windows, nodes["marts.total"].why) == (("all",), "parent changed")


@pytest.mark.long
def test_a_full_refresh_is_planned_as_forced(ran):
    session = ran.session
    windows, names = session.days(FIRST, FIRST), select(ran.project, None)
    nodes = preview(session, windows, names, force=True)
    assert {node.why for node in nodes if node.node != "raw.events"} == {"forced", "view"}


@pytest.mark.long
def test_what_is_rebuilt_for_sure_is_told_apart_from_what_news_would_rebuild(ran, planned, source):
    source.rows.append(event("c", 3, at(1)))
    ran.run(1, selected="raw.events silver.steps")
    node = planned(5)["marts.daily"]
    assert (node.why, node.windows) == ("parent changed", ("[2024-03-02, 2024-03-04)",))
    assert "2024-03-06" in node.if_new


@pytest.mark.long
def test_a_removed_table_is_shown_with_what_becomes_of_it(ran, planned):
    del ran.project.models["total"]
    ran.compiled = replace(ran.compiled, models=without(ran.compiled.models, "total"))
    node = planned(0)["marts.total"]
    assert (node.why, node.rows, node.windows) == ("removed from the code", 1, ())
    assert "stay on main" in node.becomes


@pytest.mark.long
def test_a_renamed_table_is_shown_with_its_new_name(ran, planned):
    spec = replace(ran.project.models.pop("total"), name="sum_of_all")
    ran.project.models["sum_of_all"] = spec
    renamed = {"sum_of_all": replace(ran.compiled.models["total"], spec=spec)}
    models = without(ran.compiled.models, "total") | renamed
    ran.compiled = replace(ran.compiled, models=models)
    nodes = planned(0)
    assert nodes["marts.total"].why == "renamed to marts.sum_of_all"
    assert nodes["marts.sum_of_all"].why == "first run"


@pytest.mark.long
def test_a_parent_that_moved_without_its_child_is_the_reason(ran, planned, source):
    source.rows.append(event("c", 3, at(1)))
    ran.run(1, selected="raw.events silver.steps")
    assert planned(5)["marts.total"].why == "parent changed"
