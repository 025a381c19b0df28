"""A table for each article, made from a list."""

from typing import Any

import ibis.expr.types as ir

from lakehouse import Incremental, model


def of_article(sku: str) -> Any:
    """The model of one article."""

    @model(name=f"sales_of_{sku}", kind=Incremental(time_column="order_date", grain="day"))
    def sales_of(fct_order_items: ir.Table) -> ir.Table:
        """What was sold of one article on each day in UTC."""
        sold = fct_order_items.filter(fct_order_items.sku == sku)
        return sold.group_by(order_date=sold.placed_at.date()).agg(quantity=sold.quantity.sum())

    return sales_of


MODELS = [of_article(sku) for sku in ("tea", "cup")]
