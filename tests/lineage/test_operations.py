"""Lineage of every operation of Ibis: whatever it is, no column that it reads is left out."""

import inspect

import ibis
import ibis.expr.datashape as ds
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pytest

from lakehouse.lineage import ROWS, Column, table_parents

NAMES = "abcdefgh"
TABLE = ibis.table(dict.fromkeys(NAMES, "int64"), name="t")
OTHER = ibis.table({"x": "int64", "y": "int64"}, name="o")
OF_ROWS = {ops.CountStar: "arg", ops.CountDistinctStar: "arg", ops.RowID: "table"}
"""The argument of an operation that is a relation, where it is not `rel`."""


def classes(of):
    found = {kind for kind in vars(ops).values() if inspect.isclass(kind) and issubclass(kind, of)}
    return sorted(found, key=lambda kind: kind.__name__)


def made(kind, *arguments):
    """An operation of these arguments, whatever their types are."""
    node = object.__new__(kind)
    for name, value in zip(kind.__argnames__, arguments, strict=True):
        object.__setattr__(node, name, value)
    object.__setattr__(node, "__args__", arguments)
    object.__setattr__(node, "__precomputed_hash__", id(node))
    return node


def columns(*names, table="t"):
    return {Column(table, name) for name in names}


def of_value(value):
    project = made(ops.Project, TABLE.op(), {"made": value})
    return table_parents(ir.Table(project)).columns["made"]


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "within-tuples"])
def test_every_argument_of_every_operation_is_named(wrapped):
    asked = 0
    for kind in classes(ops.Value):
        if kind is ops.Field or inspect.isabstract(kind):
            continue
        of_rows = OF_ROWS.get(kind, "rel")
        arguments, named = [], set()
        for argument, name in zip(kind.__argnames__, NAMES, strict=False):
            if argument == of_rows:
                arguments.append(OTHER.filter(OTHER.y > 0).select("x").op())
                named |= columns("y", ROWS, table="o")
            else:
                arguments.append(((TABLE[name].op(),),) if wrapped else TABLE[name].op())
                named |= columns(name)
        if named:
            asked += 1
            assert named <= of_value(made(kind, *arguments)).all, kind
    assert asked > 250


def test_an_operation_that_is_not_known_takes_the_value_of_its_arguments():
    class New(ops.Value):
        arg: ops.Value
        beside: ops.Value
        dtype, shape = dt.int64, ds.columnar

    found = of_value(New(TABLE.a, TABLE.b))
    assert (found.value, found.influence) == (columns("a", "b"), set())


def test_a_relation_that_is_not_known_is_influenced_by_all_that_it_reads():
    class New(ops.Relation):
        parent: ops.Relation
        by: ops.Value
        values = {}  # noqa: RUF012
        schema = ibis.schema({"a": "int64", "new": "int64"})

    found = table_parents(ir.Table(New(TABLE.op(), (TABLE.b + 1).op())))
    assert found.rows == columns(*NAMES, ROWS)
    assert found.columns["a"].value == columns("a")
    assert found.columns["new"].value == set()


UNNESTED = ibis.table({"id": "int64", "items": "array<int64>"}, name="t")
HALVES = TABLE.select("a", "b"), OTHER.select(a="x", b="y")
RELATIONS = {
    ops.UnboundTable: (TABLE, {"a": "a"}, ""),
    ops.Project: (TABLE.select(n=TABLE.a + TABLE.b), {"n": "a b"}, ""),
    ops.DropColumns: (TABLE.drop("a", "b"), {"c": "c"}, ""),
    ops.SelfReference: (TABLE.view(), {"a": "a"}, ""),
    ops.AliasedRelation: (TABLE.alias("named"), {"a": "a"}, ""),
    ops.Filter: (TABLE.filter(TABLE.b > 0), {"a": "a"}, "b"),
    ops.Sort: (TABLE.order_by("b"), {"a": "a"}, ""),
    ops.Limit: (TABLE.order_by("b").limit(3), {"a": "a"}, "b"),
    ops.Sample: (TABLE.order_by("b").sample(0.5), {"a": "a"}, "b"),
    ops.Aggregate: (
        TABLE.order_by("c").group_by("b").agg(s=TABLE.a.sum(where=TABLE.d > 0)),
        {"s": "a | d", "b": "b"},
        "b c",
    ),
    ops.Distinct: (TABLE.select("a", "b").distinct(), {"a": "a"}, "a b"),
    ops.DropNull: (TABLE.drop_null("b"), {"a": "a"}, "b"),
    ops.FillNull: (TABLE.fill_null({"b": 0}), {"a": "a", "b": "b"}, ""),
    ops.TableUnnest: (UNNESTED.unnest("items"), {"id": "id", "items": "items"}, "items"),
    ops.Union: (ibis.union(*HALVES), {"a": "a o.x"}, "o.*"),
    ops.Intersection: (ibis.intersect(*HALVES), {"a": "a"}, "a b o.x o.y o.*"),
    ops.Difference: (ibis.difference(*HALVES), {"a": "a"}, "a b o.x o.y o.*"),
    ops.JoinChain: (
        TABLE.join(OTHER, TABLE.b == OTHER.x).select("a", "y"),
        {"a": "a", "y": "o.y"},
        "b o.x o.*",
    ),
}  # fmt: skip
OF_NO_TABLE = {
    ops.InMemoryTable: ibis.memtable({"a": [1]}),
    ops.DummyTable: ibis.literal(1).name("a").as_table(),
}
OTHERS = {ops.JoinReference, ops.DatabaseTable, ops.SQLStringView, ops.SQLQueryResult}
OTHERS |= {ops.WindowAggregate, ops.Relation, ops.Reference, ops.PhysicalTable, ops.Set}
"""Relations within others, those that no model can read, and classes of several."""


def read(words):
    """Columns of `t`, and of `o` where it stands before."""
    return {Column(*(word if "." in word else f"t.{word}").split(".")) for word in words.split()}


@pytest.mark.parametrize("kind", RELATIONS, ids=lambda kind: kind.__name__)
def test_relations(kind):
    expression, named, rows = RELATIONS[kind]
    assert expression.op().find(kind)
    found = table_parents(expression)
    for name, parents in named.items():
        value, _, influence = parents.partition("|")
        assert found.columns[name].value == read(value)
        assert found.columns[name].influence == read(influence)
    assert found.rows == read(rows) | columns(ROWS)


@pytest.mark.parametrize("expression", OF_NO_TABLE.values(), ids=str)
def test_rows_in_the_code_come_from_no_table(expression):
    assert table_parents(expression).all == set()


def test_all_relations_of_ibis_are_here():
    assert {*classes(ops.Relation)} == {*RELATIONS, *OF_NO_TABLE, *OTHERS}
