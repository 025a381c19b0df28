"""The columns of a raw table, read from the Pandera model of its ingestion."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lakehouse.declare.soft_delete import SoftDelete

if TYPE_CHECKING:
    import ibis

    from lakehouse.declare.specs import IngestionSpec

POSITION = "_lakehouse_position"
"""Column that numbers the rows of a fetch in the order of arrival: a higher number is newer."""
RUN_ID = "_run_id"
"""Column with the id of the run that wrote the row."""
INGESTED_AT = "_ingested_at"
"""Column with the instant of that run's fetch."""
_ROUND, _NULL = "lakehouse.rounded", "lakehouse.optional"
ROUNDED = {_ROUND: True}
"""Metadata of a field that may lose digits: rounded to whole numbers, or cut to microseconds."""
OPTIONAL = {_NULL: True}
"""Metadata of a field that is null, with a warning, where a value is not of its type."""
GONE_AT = "_gone_at"
"""Column with the instant of the run that found the row gone from the source; null: it is there."""
GONE_RUN = "_gone_run"
"""Column with the id of that run."""
FILE_NAME = "_file"
"""Column with the name of the file that the row was read from, if the source is a folder."""
MARKS = {GONE_AT: "timestamp('UTC', 6)", GONE_RUN: "string"}
"""Columns, with their Ibis types, of raw tables whose ingestion declares `deletes`."""
BOOKKEEPING = {RUN_ID: "string", INGESTED_AT: "timestamp('UTC', 6)"}
"""Columns, with their Ibis types, that every raw table has beside the declared ones."""


def declared(spec: IngestionSpec) -> ibis.Schema:
    """The columns that the Pandera model declares, with the types that it declares."""
    import ibis

    from lakehouse.declare.pandera_columns import columns_of

    columns = columns_of(spec.validation_schema)
    return ibis.schema({name: column.dtype.type for name, column in columns.items()})


def rounded(spec: IngestionSpec) -> frozenset[str]:
    """Names of the columns that are declared with `metadata=ROUNDED`."""
    return _marked(spec, _ROUND)


def optional(spec: IngestionSpec) -> frozenset[str]:
    """Names of the columns that are declared with `metadata=OPTIONAL`."""
    return _marked(spec, _NULL)


def _marked(spec: IngestionSpec, mark: str) -> frozenset[str]:
    columns = spec.validation_schema.to_schema().columns.items()
    return frozenset(name for name, column in columns if mark in (column.metadata or {}))


def validated(spec: IngestionSpec) -> ibis.Schema:
    """The declared columns, with the types that tables store."""
    import ibis

    from lakehouse.declare.column_types import stored

    return ibis.schema({name: stored(kind) for name, kind in declared(spec).items()})


def landed(spec: IngestionSpec) -> ibis.Schema:
    """The columns that models see of a raw table: the declared ones and those of `BOOKKEEPING`.

    Of a folder, also the file.
    """
    import ibis

    return ibis.schema({**validated(spec), **ibis.schema({**file_column(spec), **BOOKKEEPING})})


def file_column(spec: IngestionSpec) -> dict[str, str]:
    """The column with the file of a row and its Ibis type; empty if the source is no folder."""
    return {} if spec.files is None else {FILE_NAME: "string"}


def kept(spec: IngestionSpec) -> ibis.Schema:
    """The columns of the raw table: those that models see, and `MARKS` if gone rows are marked."""
    import ibis

    return ibis.schema({**landed(spec), **ibis.schema(MARKS if spec.deletes else {})})


def fingerprint(spec: IngestionSpec) -> str:
    """Hash of the columns of the raw table, and of the one that marks its rows; 16 characters."""
    marking = repr(spec.deletes) if isinstance(spec.deletes, SoftDelete) else ""
    return hashlib.sha256(f"{kept(spec)!r}{marking}".encode()).hexdigest()[:16]
