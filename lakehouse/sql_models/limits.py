"""ORDER BY with LIMIT: the first rows of a SELECT. Without a limit, tables have no order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
from sqlglot import exp

from lakehouse.sql_models.parsed import Node, shown
from lakehouse.sql_models.scope import Scope
from lakehouse.sql_models.values import Values
from lakehouse.sql_models.windows import ordered

if TYPE_CHECKING:
    from lakehouse.sql_models.select import Selects

_ORDER = "_order"
"""Beginning of the names of columns that rows are sorted by, and that the result does not have."""


def first_rows(selects: Selects, table: ir.Table, node: Node) -> ir.Table:
    """Return the first rows of a table in an order; without a limit, tables have no order."""
    limit, offset = count(selects, node, "limit"), count(selects, node, "offset") or 0
    order = node.args.get("order")
    if limit is None and not offset:
        return table
    if order is not None:
        values = Values(selects, Scope.of(table, ""))
        table = table.order_by([ordered(values, part) for part in order.expressions])
    table = table.limit(limit, offset=offset)
    selects.note(table, node)
    return table


def count(selects: Selects, node: Node, name: str) -> int | None:
    """Return the number of LIMIT or OFFSET; None without one."""
    part = node.args.get(name)
    if part is None:
        return None
    others = {key for key, value in part.args.items() if value} - {"expression"}
    number = None if others else part.args.get("expression")
    if not isinstance(number, exp.Literal) or not str(number.this).isdigit():
        raise selects.text.error(f"{shown(part)} has no number", part, hint="write a number")
    return int(number.this)


def sorts(
    node: Node, values: Values, made: Mapping[str, Any], hidden: dict[str, Any]
) -> list[Callable[[ir.Table], Any]]:
    """Return what rows are sorted by, if a limit makes that matter; `hidden` gets other values."""
    order = node.args.get("order")
    if order is None or not (node.args.get("limit") or node.args.get("offset")):
        return []
    names = {name.lower(): name for name in made}
    found = []
    for place, part in enumerate(order.expressions):
        by = part.this if isinstance(part, exp.Ordered) else part
        name = names.get(by.name.lower()) if isinstance(by, exp.Column) and not by.table else None
        if isinstance(by, exp.Literal):
            name = [*made][int(by.this) - 1]
        if name is None:
            name = f"{_ORDER}{place}"
            hidden[name] = values(by)
        descending = isinstance(part, exp.Ordered) and bool(part.args.get("desc"))
        first = isinstance(part, exp.Ordered) and bool(part.args.get("nulls_first"))
        found.append(_sort(name, descending=descending, nulls_first=first))
    return found


def _sort(name: str, *, descending: bool, nulls_first: bool) -> Callable[[ir.Table], Any]:
    sort = ibis.desc if descending else ibis.asc
    return lambda table: sort(table[name], nulls_first=nulls_first)
