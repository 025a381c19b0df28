"""Sales by day."""

import ibis.expr.types as ir

from lakehouse import Incremental, Table, model


@model(kind=Incremental(time_column="order_date", grain="day"))
def daily_items(fct_order_items: ir.Table) -> ir.Table:
    """Items that were sold on each day in UTC."""
    return fct_order_items.group_by(order_date=fct_order_items.placed_at.date()).agg(
        items=fct_order_items.quantity.sum(), orders=fct_order_items.order_id.nunique()
    )


@model(kind=Table())
def best_customers(fct_order_values: ir.Table, dim_customers: ir.Table) -> ir.Table:
    """What each customer bought in all."""
    bought = fct_order_values.group_by("customer_id").agg(
        orders=fct_order_values.count(), value_eur=fct_order_values.value_eur.sum()
    )
    named = bought.inner_join(dim_customers, bought.customer_id == dim_customers.id)
    return named.select("customer_id", "name", "country", "orders", "value_eur")
