"""Prices, from CSV files; and rates of exchange, which a bank writes as Parquet."""

import csv
from collections.abc import Iterator
from pathlib import Path

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from lakehouse import external, ingestion


class Prices(pa.DataFrameModel):
    """Prices in euros."""

    sku: str
    price: dt.Decimal(12, 2) = pa.Field(ge=0)


@ingestion(
    table_name="prices",
    unique_key="sku",
    validation_schema=Prices,
    files="prices/*.csv",
    deletes="window",
)
def prices(file: Path) -> Iterator[dict[str, str]]:
    """The prices of one file; of an article in several files, that in the last one counts."""
    with file.open(newline="", encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


rates = external(
    "bank.rates", path="rates/*.parquet", columns={"currency": "string", "rate": "decimal(12, 4)"}
)
