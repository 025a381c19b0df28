"""What `plan` says is what `run` does: the tables that it lists are the ones that are built."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import QUICK
from toy import FIRST, NotedEvents, Source, at, event

from lakehouse import Incremental, Table
from lakehouse.compile.dag import Step
from lakehouse.plan.selectors import select
from lakehouse.run.plan_preview import preview

CHANGES = [
    {},
    {"factor": 3},
    {"wide": True},
    {"most": 50},
    {"schema": NotedEvents},
    {"unique_key": ("id", "at")},
    {"kind": Table()},
    {"kind": Incremental(key="id")},
    {"kind": Incremental(time_column="at", lookback="2d")},
    {"overlap": "2d"},
]
SELECTIONS = [None, "silver.steps", "marts.daily", "raw.events", "raw.events silver.steps"]
IF_NEW = "if the fetch finds news"


def planned(toy, day, selected, *, full_refresh):
    """The models that a run of a day would build: those for sure, and all of them."""
    session = toy.session
    date = FIRST + timedelta(days=day)
    names = select(toy.project, selected)
    nodes = preview(session, session.days(date, date), names, force=full_refresh)
    models = {spec.table for spec in toy.project.models.values()}
    built = {node.node: node for node in nodes if node.windows and node.node in models}
    sure = {table: node for table, node in built.items() if node.why != IF_NEW}
    return sure, built


def built(report):
    """The models that a run built: their reasons and windows."""
    return {
        node.node: (str(node.reason), node.windows)
        for node in report.nodes
        if node.step is Step.MODEL and node.rows is not None
    }


def assert_planned(toy, source, change, case):
    """Assert that a run after a change of the code builds what was planned."""
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1)), event("c", 3, at(4))]
    toy.run(0, 4)
    if "raw.events" in (case["earlier"] or "raw.events"):  # children may be left behind
        source.rows.append(event("d", 4, at(1, 13)))
        toy.run(1, selected=case["earlier"])
    toy.change(**change)
    if case["news"]:
        source.rows.append(event("e", 5, at(case["day"], 14)))
    request = {"selected": case["selected"], "full_refresh": case["full_refresh"]}
    sure, possible = planned(toy, case["day"], **request)
    done = built(toy.run(case["day"], **request))
    assert sure.keys() <= done.keys() <= possible.keys()
    if not case["news"]:
        assert done == {
            table: (node.why, " ".join(node.windows) + (f" of {node.keys}" if node.keys else ""))
            for table, node in sure.items()
        }


CASES = st.fixed_dictionaries(
    {
        "day": st.integers(0, 6),
        "earlier": st.sampled_from(SELECTIONS),
        "selected": st.sampled_from(SELECTIONS),
        "news": st.booleans(),
        "full_refresh": st.booleans(),
    }
)


@pytest.mark.long
@QUICK
@given(st.sampled_from(CHANGES), CASES)
def test_a_run_builds_what_was_planned(fresh, change, case):
    source = Source()
    assert_planned(fresh(source), source, change, case)


@pytest.mark.sample(0, long=15)
@pytest.mark.parametrize("earlier", ["raw.events", "raw.events silver.steps"])
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_run_that_finds_no_news_builds_what_follows_from_the_code(toy, source, change, earlier):
    case = {"day": 2, "selected": None, "news": False, "full_refresh": False}
    assert_planned(toy, source, change, {**case, "earlier": earlier})
