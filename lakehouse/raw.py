"""The columns of a raw table, read from the Pandera model of its ingestion."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

    from lakehouse.declare import IngestionSpec

POSITION = "_position"
"""Counts the rows of one fetch in the order they came: the later of two is the newer."""
RUN_ID = "_run_id"
"""The run that wrote the row."""
INGESTED_AT = "_ingested_at"
"""The instant of that run's fetch."""
BOOKKEEPING = {RUN_ID: "string", INGESTED_AT: "timestamp('UTC', 6)"}


def declared(spec: IngestionSpec) -> ibis.Schema:
    """The columns that the Pandera model declares."""
    import ibis

    columns = spec.validation_schema.to_schema().columns
    return ibis.schema({name: column.dtype.type for name, column in columns.items()})


def landed(spec: IngestionSpec) -> ibis.Schema:
    """The columns of the raw table: what is declared, and which run wrote the row and when."""
    import ibis

    return ibis.schema({**declared(spec), **ibis.schema(BOOKKEEPING)})


def fingerprint(spec: IngestionSpec) -> str:
    """Changes exactly when the columns do."""
    return hashlib.sha256(repr(landed(spec)).encode()).hexdigest()[:16]
