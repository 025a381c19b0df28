"""Orders as their REST API has them, read by dlt's `rest_api`."""

from __future__ import annotations

import os
from typing import Any

import ibis.expr.datatypes as dt
import pandera.ibis
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.typing import RESTAPIConfig

from lakehouse import ingestion

_LINE = {"sku": dt.string, "quantity": dt.int64, "price": dt.float64}


class Orders(pandera.ibis.DataFrameModel):
    """What an order is."""

    id: str
    placed_at: dt.Timestamp("UTC") = pandera.ibis.Field()  # type: ignore[valid-type]
    total: float
    customer: dt.Struct({"id": dt.int64, "name": dt.string}) = pandera.ibis.Field()  # type: ignore[valid-type]
    address: dt.Struct({"street": dt.string, "zip": dt.string}) = pandera.ibis.Field()  # type: ignore[valid-type]
    lines: dt.Array(dt.Struct(_LINE)) = pandera.ibis.Field()  # type: ignore[valid-type]
    note: str = pandera.ibis.Field(nullable=True)


def api() -> RESTAPIConfig:
    """How the API is asked, which is the same for dlt alone."""
    return {
        "client": {
            "base_url": os.environ["ORDERS_URL"],
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "pages"},
        },
        "resources": [{"name": "orders", "endpoint": {"data_selector": "data"}}],
    }


@ingestion(table_name="orders", unique_key="id", validation_schema=Orders)
def orders() -> Any:
    """All orders, page by page."""
    return rest_api_source(api())
