"""The size of the orders."""

from __future__ import annotations

import ibis.expr.types as ir

from lakehouse import Table, model


@model(kind=Table())
def totals(orders: ir.Table) -> ir.Table:
    """How many orders there are."""
    return orders.agg(orders=orders.count(), total=orders.total.sum())
