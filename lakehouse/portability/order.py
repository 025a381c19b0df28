"""Keys of relations, from which follows whether an order is total: no two rows are equal in it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any, TypeAlias

import ibis.expr.operations as ops

Keys: TypeAlias = frozenset[frozenset[str]]
"""Sets of columns; no two rows have the same values in all columns of a set."""
_NONE: Keys = frozenset()


def is_total(window: ops.WindowFunction, declared: Mapping[str, Keys]) -> bool:
    """Return whether the order of a window is total: it has a key of the rows.

    `declared` are the keys of the tables that a model reads.
    """
    by = [*window.group_by, *(key.arg for key in window.order_by)]
    return distinguishes(by, declared)


def distinguishes(values: list[Any], declared: Mapping[str, Keys]) -> bool:
    """Return whether some of the values are all columns of a key of their relation."""
    fields = [value for value in values if isinstance(value, ops.Field)]
    names = {field.name for field in fields}
    return any(key <= names for field in fields for key in keys(field.rel, declared))


@singledispatch
def keys(_relation: ops.Node, _declared: Mapping[str, Keys]) -> Keys:
    """Return the keys of a relation, as far as they are known."""
    return _NONE


@keys.register
def _(relation: ops.UnboundTable, declared: Mapping[str, Keys]) -> Keys:
    return declared.get(relation.name, _NONE)


@keys.register(ops.Filter)
@keys.register(ops.Sort)
@keys.register(ops.Limit)
@keys.register(ops.FillNull)
@keys.register(ops.DropNull)
@keys.register(ops.Reference)
def _(relation: Any, declared: Mapping[str, Keys]) -> Keys:
    return keys(relation.parent, declared)


@keys.register
def _(relation: ops.DropColumns, declared: Mapping[str, Keys]) -> Keys:
    return _kept(keys(relation.parent, declared), {name: name for name in relation.schema})


@keys.register
def _(relation: ops.Project, declared: Mapping[str, Keys]) -> Keys:
    if any(value.find(ops.Unnest, filter=ops.Value) for value in relation.values.values()):
        return _NONE
    return _kept(keys(relation.parent, declared), _renamed(relation, relation.parent))


@keys.register
def _(relation: ops.Aggregate, _declared: Mapping[str, Keys]) -> Keys:
    return frozenset({frozenset(relation.groups)})


@keys.register
def _(relation: ops.Distinct, declared: Mapping[str, Keys]) -> Keys:
    return keys(relation.parent, declared) | {frozenset(relation.schema)}


@keys.register
def _(relation: ops.JoinChain, declared: Mapping[str, Keys]) -> Keys:
    """Return the keys of the first table, unless a join may repeat its rows."""
    for link in relation.rest:
        if link.how not in ("semi", "anti") and not (
            link.how in ("left", "inner") and is_lookup(link, declared)
        ):
            return _NONE
    return _kept(keys(relation.first, declared), _renamed(relation, relation.first))


def is_lookup(link: ops.JoinLink, declared: Mapping[str, Keys]) -> bool:
    """Return whether a join finds at most one row: its condition has a key of the joined table."""
    sides = [
        side
        for predicate in link.predicates
        if isinstance(predicate, ops.Equals)
        for side in (predicate.left, predicate.right)
        if isinstance(side, ops.Field) and side.rel == link.table
    ]
    return distinguishes(sides, declared)


def _renamed(relation: ops.Project | ops.JoinChain, parent: ops.Node) -> dict[str, str]:
    """Return the names in the relation of the parent's columns, by their names in the parent."""
    return {
        value.name: name
        for name, value in relation.values.items()
        if isinstance(value, ops.Field) and value.rel == parent
    }


def _kept(known: Keys, names: Mapping[str, str]) -> Keys:
    """Return those keys whose columns are all kept, with the new names of the columns."""
    return frozenset(frozenset(names[n] for n in key) for key in known if key <= names.keys())
