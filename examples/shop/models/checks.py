"""What has to hold before a run reaches main."""

import ibis.expr.types as ir

from lakehouse import NullCheck, ReferenceCheck, UniqueCheck, quality


@quality(
    table="silver.fct_order_items",
    checks=[UniqueCheck(columns=["order_id", "sku"]), NullCheck(columns=["quantity"])],
)
def items_are_whole(): ...


@quality(
    table="silver.fct_order_values",
    checks=[ReferenceCheck(columns=["order_id"], to="silver.fct_order_items")],
)
def orders_have_a_value(fct_order_items: ir.Table, fct_order_values: ir.Table) -> ir.Table:
    """Items of orders without a value: an article has no price."""
    return fct_order_items.anti_join(fct_order_values, "order_id")
