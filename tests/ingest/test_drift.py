"""What happens when a source sends other fields or types than before."""

import json

import pyarrow as pa
import pytest
from toy import Events, at, event

from lakehouse.plan.selectors import select
from lakehouse.run.plan_preview import preview


class Documents(Events):
    """Events that keep the document they came as."""

    payload: str


class WideEvents(Events):
    """Events whose values have a fraction."""

    value: float


@pytest.fixture
def sends(source):
    """Lets the source answer with these rows, whatever it is asked for."""

    def sends(*rows, **types):
        columns = {"id": pa.string(), "at": pa.timestamp("us", "UTC"), **types}
        page = pa.Table.from_pylist(list(rows), schema=pa.schema(columns))
        source.read = lambda _: iter([page])

    return sends


def document(key, moment, **fields):
    row = event(key, 1, moment)
    return {**row, "payload": json.dumps({"id": key, **fields})}


TEXTS = {"value": pa.string(), "payload": pa.string()}


def drift(report):
    """What the run says of new fields."""
    (node,) = [each for each in report.nodes if each.node == "raw.events"]
    return node.note.partition("; ")[2]


@pytest.mark.long
def test_a_new_field_of_a_document_is_kept_and_told_once(toy, sends):
    toy.change(schema=Documents)
    sends(document("a", at(0)), **TEXTS)
    assert drift(toy.run(0)) == ""
    sends(document("a", at(0)), document("b", at(0), mood="fine"), **TEXTS)
    assert drift(toy.run(0)) == "new fields of the source: mood (kept in the payload)"
    sends(document("b", at(0), mood="well"), document("c", at(0), mood="fine"), **TEXTS)
    assert drift(toy.run(0)) == ""
    payloads = {row["id"]: json.loads(row["payload"]) for row in toy.rows("raw.events")}
    assert payloads["b"]["mood"] == "well"


@pytest.mark.long
def test_a_new_column_that_nothing_keeps_is_said_to_be_lost(toy, sends):
    sends(event("a", 1, at(0)), value=pa.string())
    toy.run(0)
    sends({**event("b", 1, at(0)), "mood": "fine"}, value=pa.string(), mood=pa.string())
    assert "mood (not kept: declare them, or a `payload`)" in drift(toy.run(0))


@pytest.mark.long
def test_what_is_no_document_has_no_fields(toy, sends):
    toy.change(schema=Documents)
    sends({**event("a", 1, at(0)), "payload": "no {json"}, **TEXTS)
    assert drift(toy.run(0)) == ""


@pytest.mark.long
def test_another_type_that_means_the_same_lands(toy, sends):
    sends({"id": "a", "at": at(0), "value": 1}, value=pa.int64())
    toy.run(0)
    sends({"id": "b", "at": at(0), "value": "2"}, value=pa.string())
    toy.run(0)
    sends({"id": "c", "at": at(0), "value": 3.0}, value=pa.float64())
    toy.run(0)
    assert toy.rows("marts.total") == [{"rows": 3, "total": 6}]


@pytest.mark.long
def test_another_type_that_cannot_be_meant_is_quarantined(toy, sends):
    sends({"id": "a", "at": at(0), "value": ["x"]}, value=pa.list_(pa.string()))
    toy.run(0)
    (row,) = toy.rows("quarantine.events")
    assert row["reasons"] == 'value: ["x"] is not a whole number of 64 bits'
    assert json.loads(row["payload"])["value"] == ["x"]


@pytest.mark.long
def test_a_type_that_is_declared_wider_widens_the_table(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    toy.change(schema=WideEvents)
    source.rows.append(event("b", 2.5, at(0)))
    toy.run(0)
    assert [row["value"] for row in toy.rows("raw.events")] == [1.0, 2.5]


def changes(toy):
    session = toy.session
    nodes = preview(session, session.days(at(0).date(), at(0).date()), select(toy.project, None))
    return {node.node: node.changes for node in nodes}


@pytest.mark.long
def test_the_plan_shows_a_changed_type_of_a_raw_table_before_anything_runs(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    assert not any(changes(toy).values())
    toy.change(schema=WideEvents)
    assert changes(toy)["raw.events"] == ("~ column value int64 → float64",)
    assert "~ column total int64 → float64" in changes(toy)["marts.daily"]


@pytest.mark.long
def test_the_plan_shows_what_changed_in_a_view_below_a_table(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    toy.change(most=10)
    assert "view valid" in changes(toy)["silver.steps"]
