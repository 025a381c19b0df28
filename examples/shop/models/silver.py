"""Orders, items and customers, cleaned."""

import ibis
import ibis.expr.types as ir

from lakehouse import Incremental, Table, View, model


@model(kind=View(time_column="placed_at"))
def stg_orders(orders: ir.Table) -> ir.Table:
    """Orders with the parts of their customer."""
    who = orders.customer
    return orders.select("order_id", "placed_at", customer_id=who["id"], is_new=who["isNew"])


@model(kind=Incremental(time_column="placed_at", grain="day"))
def fct_order_items(orders: ir.Table) -> ir.Table:
    """One row per item of an order."""
    lines = orders.select("order_id", "placed_at", item=orders["items"].unnest())
    return lines.select(
        "order_id", "placed_at", sku=lines.item["sku"], quantity=lines.item["quantity"]
    )


@model(kind=Table())
def dim_customers(customers: ir.Table, countries: ir.Table) -> ir.Table:
    """Customers with their country and its currency."""
    known = customers.left_join(countries, customers.country_code == countries.code)
    return known.select("id", "name", "country_code", "country", "currency")


@model(kind=Table(), publish=True)
def sizes() -> ir.Table:
    """How large an order is called, by the value from which on it is; published, too."""
    return ibis.memtable({"size": ["small", "middle", "large"], "from_eur": [0, 10, 40]})
