"""The parents of values, such as sums, conditions and subqueries.

An operation that is not named here takes the value of all of its arguments: nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import singledispatch
from typing import Any, TypeAlias

import ibis.expr.operations as ops

from lakehouse.lineage.parents import NONE, Columns, Parents, TableParents, union

Found: TypeAlias = Mapping[Any, Any]
"""`Parents` of values, and `TableParents` of relations, by operation."""

_ONLY_INFLUENCING: Mapping[type[ops.Node], tuple[str, ...]] = {
    ops.Reduction: ("where", "order_by"),
    ops.ArgMin: ("key",),
    ops.ArgMax: ("key",),
    ops.WindowFunction: ("start", "end", "group_by", "order_by"),
    ops.Lag: ("offset",),
    ops.Lead: ("offset",),
    ops.NthValue: ("nth",),
    ops.NTile: ("buckets",),
    ops.IfElse: ("bool_expr",),
    ops.SearchedCase: ("cases",),
    ops.SimpleCase: ("base", "cases"),
    ops.NullIf: ("null_if_expr",),
    ops.ArrayFilter: ("body",),
}
"""Arguments of operations that choose among values, or among rows, without being the value."""


@singledispatch
def parents_of(node: Any, found: Found) -> Parents | TableParents:
    """Return the parents of an operation, from those of its arguments: each is value or influence.

    Those of a relation are `TableParents`.
    """
    value, influence = NONE, NONE
    only = {
        name
        for kind, names in _ONLY_INFLUENCING.items()
        if isinstance(node, kind)
        for name in names
    }
    for name, argument in zip(node.__argnames__, node.__args__, strict=True):
        for part in nodes_in(argument):
            parents = found[part]
            if name in only or isinstance(parents, TableParents):
                influence |= parents.all
            else:
                value, influence = value | parents.value, influence | parents.influence
    return Parents(value, influence)


@parents_of.register
def _(node: ops.Field, found: Found) -> Parents:
    parents: Parents = found[node.rel].columns[node.name]
    return parents


@parents_of.register(ops.CountStar)
@parents_of.register(ops.RowID)
def _(node: ops.CountStar | ops.RowID, found: Found) -> Parents:
    """Which rows there are is all that matters, not what is in their columns."""
    rows, *condition = node.__args__
    where = union(*(found[part].all for part in nodes_in(condition)))
    return Parents(influence=found[rows].rows | where)


@parents_of.register
def _(node: ops.ScalarSubquery, found: Found) -> Parents:
    relation = found[node.rel]
    (column,) = relation.columns.values()
    return column.influenced_by(relation.rows | relation.order)  # type: ignore[no-any-return]


@parents_of.register
def _(node: ops.ExistsSubquery, found: Found) -> Parents:
    return Parents(influence=found[node.rel].rows)


def nodes_in(argument: Any) -> Iterator[ops.Node]:
    """Yield the operations that an argument is, or holds."""
    if isinstance(argument, ops.Node):
        yield argument
    elif isinstance(argument, Mapping):
        for part in argument.values():
            yield from nodes_in(part)
    elif isinstance(argument, tuple | list):
        for part in argument:
            yield from nodes_in(part)


def all_of(arguments: Iterable[Any], found: Found) -> Columns:
    """Return everything that the arguments depend on."""
    return union(*(found[part].all for part in nodes_in(tuple(arguments))))
