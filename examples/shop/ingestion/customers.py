"""Customers, from the shop's database."""

from datetime import datetime
from typing import Any

import dlt
import ibis.expr.datatypes as dt
import pandera.ibis as pa
from dlt.sources.sql_database import sql_table

from ingestion.sources import ExampleDatabase
from lakehouse import Settings, SoftDelete, ingestion


class Customers(pa.DataFrameModel):
    """Customers; `closed_at` is when one has left."""

    id: str
    name: str
    country_code: str = pa.Field(nullable=True)
    updated_at: dt.Timestamp("UTC")
    closed_at: dt.Timestamp("UTC") = pa.Field(nullable=True)


class Database:
    """The address of the database; an example is made if no other is set."""

    def __init__(self, url: str) -> None:
        self._example = None if url else ExampleDatabase()
        self.url = self._example.url if self._example else url

    def close(self) -> None:
        """Remove the example."""
        if self._example:
            self._example.close()


def database(settings: Settings) -> Database:
    """The database that `[shop]` of lakehouse.toml names."""
    return Database(settings.section("shop").get("database", ""))


@ingestion(
    table_name="customers",
    unique_key="id",
    validation_schema=Customers,
    cursor="updated_at",
    lag="5m",  # transactions that were open meanwhile
    deletes=SoftDelete("closed_at"),
    group="shop",
)
def customers(since: datetime | None, database: Database) -> Any:
    """Customers that changed; the column `updated_at` is text, as in ISO 8601, in UTC."""
    start = None if since is None else f"{since:%Y-%m-%dT%H:%M:%SZ}"
    changed = dlt.sources.incremental("updated_at", initial_value=start)
    return sql_table(database.url, "customers", incremental=changed)
