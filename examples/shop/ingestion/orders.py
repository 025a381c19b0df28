"""Orders, from the shop's REST API."""

from typing import Any

import ibis.expr.datatypes as dt
import pandera.ibis as pa
from dlt.sources.rest_api import rest_api_source

from ingestion.sources import ExampleApi
from lakehouse import Settings, Window, ingestion


class Orders(pa.DataFrameModel):
    """Orders with their items, as the API nests them."""

    order_id: str
    customer: dt.Struct({"id": dt.string, "isNew": dt.boolean})
    placed_at: dt.Timestamp("UTC")
    items: dt.Array(dt.Struct({"sku": dt.string, "quantity": dt.int64}))
    payload: str


class Api:
    """The address of the API; an example is started if no other is set."""

    def __init__(self, url: str) -> None:
        self._example = None if url else ExampleApi()
        self.url = self._example.url if self._example else url

    def close(self) -> None:
        """Stop the example."""
        if self._example:
            self._example.close()


def api(settings: Settings) -> Api:
    """The API that `[shop]` of lakehouse.toml names."""
    return Api(settings.section("shop").get("api", ""))


@ingestion(
    table_name="orders",
    unique_key="order_id",
    validation_schema=Orders,
    time_column="placed_at",
    overlap="1d",
    deletes="window",
    naming="snake_case",
    group="shop",
    cron="0 * * * *",
    freshness_hours=(2, 24),
)
def orders(window: Window, api: Api) -> Any:
    """Orders of a window, page by page."""
    asked = {"from": window.start.isoformat(), "to": window.end.isoformat()}
    return rest_api_source(
        {
            "client": {
                "base_url": api.url,
                "paginator": {"type": "json_link", "next_url_path": "next"},
            },
            "resources": [
                {"name": "orders", "endpoint": {"params": asked, "data_selector": "orders"}}
            ],
        }
    )
