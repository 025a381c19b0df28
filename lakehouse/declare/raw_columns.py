"""The columns of a raw table, read from the Pandera model of its ingestion."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis

    from lakehouse.declare.specs import IngestionSpec

POSITION = "_position"
"""Column that numbers the rows of a fetch in the order of arrival: a higher number is newer."""
RUN_ID = "_run_id"
"""Column with the id of the run that wrote the row."""
INGESTED_AT = "_ingested_at"
"""Column with the instant of that run's fetch."""
_ROUND = "lakehouse.rounded"
ROUNDED = {_ROUND: True}
"""Metadata of a field that may lose digits: rounded to whole numbers, or cut to microseconds."""
BOOKKEEPING = {RUN_ID: "string", INGESTED_AT: "timestamp('UTC', 6)"}
"""Columns, with their Ibis types, that every raw table has beside the declared ones."""


def declared(spec: IngestionSpec) -> ibis.Schema:
    """The columns that the Pandera model declares."""
    import ibis

    columns = spec.validation_schema.to_schema().columns
    return ibis.schema({name: column.dtype.type for name, column in columns.items()})


def rounded(spec: IngestionSpec) -> frozenset[str]:
    """Names of the columns that are declared with `metadata=ROUNDED`."""
    columns = spec.validation_schema.to_schema().columns.items()
    return frozenset(name for name, column in columns if _ROUND in (column.metadata or {}))


def landed(spec: IngestionSpec) -> ibis.Schema:
    """The columns of the raw table: the declared ones and those of `BOOKKEEPING`."""
    import ibis

    return ibis.schema({**declared(spec), **ibis.schema(BOOKKEEPING)})


def fingerprint(spec: IngestionSpec) -> str:
    """Hash of the columns of the raw table; 16 characters."""
    return hashlib.sha256(repr(landed(spec)).encode()).hexdigest()[:16]
