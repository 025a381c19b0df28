"""The parents of relations, such as projections, joins and aggregates.

A relation that is not named here is influenced by all columns of its parents: nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir

from lakehouse.lineage.parents import NONE, ROWS, Column, Columns, Parents, TableParents, union
from lakehouse.lineage.values import Found, all_of, nodes_in, parents_of
from lakehouse.portability.order import is_lookup


def table_parents(expression: ir.Table) -> TableParents:
    """Return what an expression is made of, in columns of the tables that it names."""
    operation = expression.op()
    found: TableParents = operation.map(lambda node, found, **_: parents_of(node, found))[operation]
    return found


@parents_of.register
def _(node: ops.Relation, found: Found) -> TableParents:
    """A relation of any other kind is influenced by all that it reads."""
    parts = [found[part] for part in nodes_in(node.__args__)]
    everything = union(*(part.all for part in parts))
    above = [part.columns for part in parts if isinstance(part, TableParents)]
    columns = {
        name: Parents(union(*(columns[name].value for columns in above if name in columns)))
        for name in node.schema
    }
    return TableParents(columns, everything)


@parents_of.register
def _(node: ops.PhysicalTable, _found: Found) -> TableParents:
    columns = {name: Parents(frozenset({Column(node.name, name)})) for name in node.schema}
    return TableParents(columns, frozenset({Column(node.name, ROWS)}))


@parents_of.register(ops.InMemoryTable)
@parents_of.register(ops.DummyTable)
def _(node: Any, found: Found) -> TableParents:
    """Rows that stand in the code come from no table."""
    values = {name: found[value] for name, value in node.values.items()}
    return TableParents({name: values.get(name, Parents()) for name in node.schema}, NONE)


@parents_of.register(ops.Reference)
@parents_of.register(ops.AliasedRelation)
@parents_of.register(ops.DropColumns)
def _(node: Any, found: Found) -> TableParents:
    parent = found[node.parent]
    return TableParents(
        {name: parent.columns[name] for name in node.schema}, parent.rows, parent.order
    )


@parents_of.register
def _(node: ops.Filter, found: Found) -> TableParents:
    parent = found[node.parent]
    return TableParents(parent.columns, parent.rows | all_of(node.predicates, found), parent.order)


@parents_of.register
def _(node: ops.Sort, found: Found) -> TableParents:
    parent = found[node.parent]
    return TableParents(parent.columns, parent.rows, parent.order | all_of(node.keys, found))


@parents_of.register(ops.Limit)
@parents_of.register(ops.Sample)
def _(node: Any, found: Found) -> TableParents:
    parent = found[node.parent]
    count = all_of(node.__args__[1:], found)
    return TableParents(parent.columns, parent.rows | parent.order | count, parent.order)


@parents_of.register
def _(node: ops.Project, found: Found) -> TableParents:
    parent, rows = found[node.parent], NONE
    columns = {}
    for name, value in node.values.items():
        columns[name] = found[value]
        if value.find(ops.Unnest, filter=ops.Value):  # as many rows as the array has elements
            rows |= found[value].all
        if parent.order and value.find((ops.WindowFunction, ops.Reduction), filter=ops.Value):
            columns[name] = columns[name].influenced_by(parent.order)
    return TableParents(columns, parent.rows | rows, parent.order)


@parents_of.register
def _(node: ops.Aggregate, found: Found) -> TableParents:
    parent = found[node.parent]
    columns = {name: found[value] for name, value in node.values.items()}
    rows = parent.rows | parent.order | all_of(node.groups.values(), found)
    return TableParents(columns, rows)


@parents_of.register
def _(node: ops.Distinct, found: Found) -> TableParents:
    parent = found[node.parent]
    return TableParents(parent.columns, parent.all)


@parents_of.register
def _(node: ops.Set, found: Found) -> TableParents:
    left, right = found[node.left], found[node.right]
    rows = left.rows | left.order | right.rows | right.order
    if not isinstance(node, ops.Union):
        return TableParents(left.columns, rows | left.all | right.all)
    columns = {
        name: Parents(
            left.columns[name].value | right.columns[name].value,
            left.columns[name].influence | right.columns[name].influence,
        )
        for name in node.schema
    }
    return TableParents(columns, rows | (left.all | right.all if node.distinct else NONE))


@parents_of.register
def _(node: ops.JoinChain, found: Found) -> TableParents:
    """A left join that finds at most one row has no influence on the table before it."""
    first = found[node.first]
    rows = first.rows | first.order
    only: dict[ops.Node, Columns] = {}
    """What influences the columns of one joined table."""
    for link in node.rest:
        joined = found[link.table]
        reach = all_of(link.predicates, found) | joined.rows | joined.order
        reach |= _of_tables(only, *link.predicates)
        if link.how == "left" and is_lookup(link, {}):
            only[link.table] = reach
        else:
            rows |= reach
    columns = {
        name: found[value].influenced_by(_of_tables(only, value))
        for name, value in node.values.items()
    }
    return TableParents(columns, rows)


def _of_tables(only: Mapping[ops.Node, Columns], *values: ops.Value) -> Columns:
    """Return what influences the joined tables that values are made of."""
    return union(*(only.get(table, NONE) for value in values for table in value.relations))


@parents_of.register
def _(node: ops.DropNull, found: Found) -> TableParents:
    parent = found[node.parent]
    asked = [found[field] for field in node.subset or ()] or [*parent.columns.values()]
    rows = union(parent.rows, *(parents.all for parents in asked))
    return TableParents(parent.columns, rows, parent.order)


@parents_of.register
def _(node: ops.FillNull, found: Found) -> TableParents:
    parent = found[node.parent]
    given = node.replacements
    columns = {}
    for name, parents in parent.columns.items():
        filling = (given.get(name),) if isinstance(given, Mapping) else (given,)
        columns[name] = Parents(parents.value | all_of(filling, found), parents.influence)
    return TableParents(columns, parent.rows, parent.order)


@parents_of.register
def _(node: ops.TableUnnest, found: Found) -> TableParents:
    parent, array = found[node.parent], found[node.column]
    columns = {name: parent.columns.get(name, array) for name in node.schema}
    columns[node.column_name] = array
    return TableParents(columns, parent.rows | array.all, parent.order)
