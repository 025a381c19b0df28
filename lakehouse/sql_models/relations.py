"""The tables, joins and subqueries of a FROM clause as one relation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.collections import FrozenOrderedDict
from sqlglot import exp

from lakehouse.sql_models.parsed import PYTHON, Node, clause, shown
from lakehouse.sql_models.scope import Scope
from lakehouse.sql_models.values import Values

if TYPE_CHECKING:
    from lakehouse.sql_models.select import Selects

_HOW = {
    ("", ""): "inner",
    ("", "INNER"): "inner",
    ("LEFT", ""): "left",
    ("LEFT", "OUTER"): "left",
    ("RIGHT", ""): "right",
    ("RIGHT", "OUTER"): "right",
    ("FULL", ""): "outer",
    ("FULL", "OUTER"): "outer",
    ("", "SEMI"): "semi",
    ("", "ANTI"): "anti",
    ("LEFT", "SEMI"): "semi",
    ("LEFT", "ANTI"): "anti",
}
"""The joins of SQL, by side and kind, in the words of Ibis."""


def source(selects: Selects, node: Node) -> Scope:
    """Return the columns that a SELECT reads, of all tables that it joins."""
    from_ = clause(node, "from")
    if from_ is None:
        one = ops.DummyTable(FrozenOrderedDict({"_": ibis.literal(1, "int32").op()}))
        return Scope(one.to_expr(), ())
    scope = _item(selects, from_.this)
    for join in [*(from_.this.args.get("joins") or []), *(node.args.get("joins") or [])]:
        scope = _joined(selects, scope, join)
    return scope


def _item(selects: Selects, node: Node) -> Scope:
    alias = node.args.get("alias")
    others = {name for name, part in node.args.items() if part} - {"this", "db", "alias", "joins"}
    if isinstance(node, exp.Table) and not others:
        table = None if node.db else selects.ctes.get(node.name.lower())
        if table is None:
            table = selects.tables[node.db.lower(), node.name.lower()]
        scope = Scope.of(_named(table, alias), node.alias_or_name)
    elif isinstance(node, exp.Subquery) and not others - {"with", "with_"}:
        scope = Scope.of(_named(selects.query(node.this), alias), node.alias)
    else:
        raise selects.text.error(
            f"{shown(node)} cannot be part of an SQL model",
            node,
            hint=f"read a table, a CTE or a subquery; {PYTHON}",
        )
    return scope


def _named(table: ir.Table, alias: Any) -> ir.Table:
    names = [] if alias is None else [column.name for column in alias.columns]
    return table.rename(dict(zip(names, table.columns, strict=False))) if names else table


def _joined(selects: Selects, left: Scope, join: Node) -> Scope:
    side, kind = (str(join.args.get(name) or "").upper() for name in ("side", "kind"))
    known = {"this", "side", "kind", "on", "using", "pivots"}
    if {name for name, part in join.args.items() if part} - known:
        raise selects.text.error(
            f"{shown(join)} cannot be part of an SQL model", join, hint=f"join with ON; {PYTHON}"
        )
    right = left.beside(_item(selects, join.this))
    for nested in join.this.args.get("joins") or []:
        right = _joined(selects, right, nested)
    on, using = join.args.get("on"), [part.name for part in join.args.get("using") or []]
    if kind == "CROSS" or (on is None and not using):
        table = left.table.cross_join(right.table)
        return left.joined(right, table)
    how = _HOW.get((side, kind))
    if how is None or (using and how == "outer"):
        raise selects.text.error(
            f"{shown(join)} cannot be part of an SQL model", join, hint="join with ON"
        )
    predicates = _using(left, right, using) if using else [_on(selects, left, right, on)]
    table = left.table.join(right.table, predicates, how=how)
    selects.note(table, join)
    if how in ("semi", "anti"):
        return left.on(table)
    if how == "right" and using:
        return right.joined(left, table, using).on(table)
    return left.joined(right, table, using)


def _using(left: Scope, right: Scope, names: list[str]) -> list[Any]:
    return [
        left.table[left.found(name)[0].inner] == right.table[right.found(name)[0].inner]
        for name in names
    ]


def _on(selects: Selects, left: Scope, right: Scope, on: Node) -> Any:
    """Return the condition of a join, over the columns of both tables."""
    both = left.joined(right, left.table)
    inner = {column.inner for column in right.columns}
    return Values(selects, both.on(_Either(left.table, right.table, inner)))(on)


class _Either:
    """Stands for a relation while a join's condition is made: each column is its own table's."""

    def __init__(self, left: ir.Table, right: ir.Table, of_right: set[str]) -> None:
        self.left, self.right, self.of_right = left, right, of_right

    def __getitem__(self, name: str) -> Any:
        return (self.right if name in self.of_right else self.left)[name]
