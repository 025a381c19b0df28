"""Declarations: checked where they stand, naming the function and the cure."""

import sys
from datetime import timedelta
from itertools import pairwise
from types import ModuleType

import pytest

from lakehouse import Incremental, NullCheck, Table, ingestion, model, quality
from lakehouse.declare.project import collect, ordered
from lakehouse.declare.specs import spec_of
from lakehouse.errors import DeclarationError, ProjectError


class Schema:
    @staticmethod
    def to_schema(): ...


GOOD = {"table_name": "rows", "unique_key": "id", "validation_schema": Schema}
MODEL = {
    "model": model,
    "Table": Table,
    "ingestion": ingestion,
    "GOOD": GOOD | {"table_name": "source"},
}


def source(window): ...


def child(parent): ...


def alone(): ...


def told_at(function):
    """How an error about a function begins."""
    line = function.__code__.co_firstlineno
    return f"tests/declare/test_declare.py:{line} in {function.__name__}: "


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"unique_key": ()}, "unique_key"),
        ({"validation_schema": object}, "validation_schema"),
        ({"table_name": "raw.rows"}, "table_name"),
        ({"freshness_hours": (24, 1)}, "freshness_hours"),
        ({"freshness_hours": 24}, "freshness_hours"),
        ({"freshness_hours": (1, 24)}, "time_column"),
        ({"max_quarantine_percent": 101}, "max_quarantine_percent"),
        ({"cron": "hourly"}, "cron"),
        ({"overlap": "2"}, "overlap"),
        ({"naming": "camelCase"}, "naming"),
        ({"overlap": "2d"}, "time_column"),
        ({"retention": timedelta(days=-1)}, "`retention` is a length of time, 0 or more"),
    ],
)
def test_a_wrong_ingestion_names_the_function_and_the_argument(arguments, complaint):
    with pytest.raises(DeclarationError, match=complaint) as caught:
        ingestion(**{**GOOD, **arguments})(source)
    assert caught.value.message.startswith(told_at(source))


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Incremental(time_column="at", lookback="1"), "`lookback` needs a number and a unit"),
        (Incremental(time_column="at", lookahead="soon"), "`lookahead`"),
        (Incremental(time_column="at", grain="week"), "`grain` is 'hour', 'day' or 'month'"),
        ("incremental", "`kind` is View"),
    ],
)
def test_a_wrong_kind_names_the_function_and_the_cure(kind, complaint):
    with pytest.raises(DeclarationError, match=complaint) as caught:
        model(kind=kind)(child)
    assert caught.value.message.startswith(told_at(child))


def test_an_incremental_model_without_parents_is_refused():
    with pytest.raises(DeclarationError, match="reads none"):
        model(kind=Incremental(key="site"))(alone)


@pytest.mark.parametrize("columns", ["the key", {"id": 1}, {1: "the key"}, ["id"]])
def test_descriptions_that_are_no_texts_by_name_are_refused(columns):
    with pytest.raises(DeclarationError, match="`columns` is a dict of text by text or None"):
        model(columns=columns)(child)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"table": "rows", "checks": [NullCheck(["id"])]}, "schema.name"),
        ({"table": "silver.rows", "checks": ["not null"]}, "`checks` holds checks"),
        ({"table": "silver.rows"}, "nothing to check"),
    ],
)
def test_a_wrong_check_names_the_function_and_the_cure(arguments, complaint):
    with pytest.raises(DeclarationError, match=complaint) as caught:
        quality(**arguments)(alone)
    assert caught.value.message.startswith(told_at(alone))


def test_the_function_stays_itself():
    def double(parent):
        return parent * 2

    assert model()(double) is double
    assert double(2) == 4


def test_the_spec_says_what_was_declared():
    def child(parent): ...

    spec = spec_of(model(kind=Incremental(time_column="at", lookback="1h"), tags=["x"])(child))
    assert (spec.table, spec.inputs, spec.tags) == ("test_declare.child", ("parent",), ("x",))


def test_models_that_read_each_other_in_a_circle_are_named_in_that_order():
    circle = ModuleType("circle")
    models = ("top", "left"), ("left", "right"), ("right", "lower"), ("lower", "left")
    for name, parent in models:
        exec(f"@model(kind=Table())\ndef {name}({parent}): ...", MODEL | vars(circle), vars(circle))
    with pytest.raises(ProjectError, match="in a circle") as refused:
        collect([circle])
    around = refused.value.message.partition("circle: ")[2].split(" → ")
    assert (len(around), around[0]) == (4, around[-1])
    assert {*pairwise(around)} == {*models[1:]}


def test_models_come_after_those_that_they_read(monkeypatch):
    layers = ModuleType("layers")
    monkeypatch.setitem(sys.modules, "layers", layers)
    models = ("last", "middle"), ("middle", "first"), ("first", "source"), ("alone", "source")
    exec("@ingestion(**GOOD)\ndef source(): ...", MODEL | vars(layers), vars(layers))
    for name, parent in models:
        exec(f"@model(kind=Table())\ndef {name}({parent}): ...", MODEL | vars(layers), vars(layers))
    order = [spec.name for spec in ordered(collect([layers]))]
    assert len(order) == len(models)
    assert all(order.index(p) < order.index(n) for n, p in models if p != "source")
