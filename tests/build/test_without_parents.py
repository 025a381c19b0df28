"""A model that reads no table: its rows stand in its code."""

from types import ModuleType

import ibis
import pytest
from toy import at, event, into, modules

from lakehouse import Table, View, model
from lakehouse.compile.compiler import compile_project
from lakehouse.declare.project import collect
from lakehouse.portability import examine


def declare(toy, names=("one", "two"), kind=None):
    """Let the toy project have a table of numbers with names, and what joins it."""
    silver, marts = ModuleType("toy.silver"), ModuleType("toy.marts")

    @model(kind=kind or Table())
    @into(silver)
    def numbers():
        """Names of numbers."""
        return ibis.memtable({"value": range(1, len(names) + 1), "name": list(names)})

    @model()
    @into(silver)
    def countdown():
        return ibis.range(0, 3).unnest().name("n").as_table()

    @model()
    @into(marts)
    def named(events, numbers):
        return events.inner_join(numbers, "value").select("id", "name")

    toy.declare((*modules(toy.source), silver, marts))


@pytest.fixture
def numbered(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    declare(toy)
    toy.run(0, 1)
    return toy


@pytest.mark.long
def test_it_is_built_from_its_code(numbered):
    assert numbered.rows("silver.countdown") == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert numbered.rows("marts.named") == [{"id": "a", "name": "one"}, {"id": "b", "name": "two"}]


@pytest.mark.long
def test_it_is_built_once(numbered, source):
    head = numbered.head()
    numbered.run(0, 1)
    assert numbered.head() == head


def test_other_rows_in_the_code_reach_its_children(numbered):
    declare(numbered, ("uno", "due"))
    report = numbered.run(0, 1)
    assert {node.node for node in report.nodes if node.rows} >= {"silver.numbers", "marts.named"}
    assert numbered.rows("marts.named") == [{"id": "a", "name": "uno"}, {"id": "b", "name": "due"}]


@pytest.mark.long
def test_a_view_of_rows_in_the_code_is_read_where_it_is_used(toy, source):
    source.rows = [event("a", 2, at(0))]
    declare(toy, kind=View())
    toy.run(0)
    assert toy.published("named") == [{"id": "a", "name": "two"}]


def test_it_is_examined_for_differences_between_engines(toy, tmp_path):
    silver = ModuleType("toy.silver")

    @model()
    @into(silver)
    def odd():
        return ibis.memtable({"n": [1]}).mutate(at=ibis.now())

    project = collect((*modules(toy.source), silver))
    found = examine(compile_project(project, "duckdb"), tmp_path)
    assert [(finding.model, finding.rule) for finding in found if finding.model == "odd"] == [
        ("odd", "now")
    ]
