"""The columns of a raw table, read from the Pandera model of its ingestion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    from lakehouse.declare import IngestionSpec

RUN_ID = "_run_id"
"""The run that wrote the row."""
INGESTED_AT = "_ingested_at"
"""The instant of that run's fetch."""
BOOKKEEPING = {RUN_ID: "string", INGESTED_AT: "timestamp('UTC', 6)"}


def declared(spec: IngestionSpec) -> ibis.Schema:
    """The columns that the Pandera model declares."""
    columns = spec.validation_schema.to_schema().columns
    return ibis.schema({name: column.dtype.type for name, column in columns.items()})


def landed(spec: IngestionSpec) -> ibis.Schema:
    """The columns of the raw table: what is declared, and which run wrote the row and when."""
    return ibis.schema({**declared(spec), **ibis.schema(BOOKKEEPING)})
