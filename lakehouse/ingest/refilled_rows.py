"""Rows of a raw table whose new columns are filled from their stored payload, to be staged again.

All other columns are taken as they are stored. A row comes only if its payload has a value where
the table has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.catalogs import DataFile, StoredTable
from lakehouse.compile.quarantine_reasons import PAYLOAD
from lakehouse.declare.raw_columns import GONE_AT, validated
from lakehouse.engines.duckdb_relations import parquet
from lakehouse.engines.sql import identifier, literal
from lakehouse.errors import UnknownNameError, choices
from lakehouse.ingest.column_names import renamed
from lakehouse.ingest.exact_casts import as_text

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.declare.specs import IngestionSpec
    from lakehouse.engines.duckdb import DuckDB

_ROWS = 20_000
"""Rows that are read at a time."""


def require_refillable(spec: IngestionSpec, column: str | None) -> None:
    """Raise UnknownNameError unless the table keeps the payload, and has such a column."""
    columns = validated(spec)
    if PAYLOAD not in columns:
        raise UnknownNameError(
            f"{spec.table} keeps no payload that a column could be filled from",
            hint=f"fetch its rows again (`backfill`); a column `{PAYLOAD}: str` in the schema keeps"
            " the payload from then on",
        )
    if column is not None and (column not in columns or column == PAYLOAD):
        raise UnknownNameError(
            f"{spec.table} has no column {column!r} that could be filled",
            hint=choices("columns", column, [name for name in columns if name != PAYLOAD]),
        )


def refilled_rows(
    engine: DuckDB,
    spec: IngestionSpec,
    stored: StoredTable,
    files: list[DataFile],
    column: str | None,
) -> pa.RecordBatchReader | None:
    """Return the rows that a payload fills; None if there are none.

    Without a `column`, all columns are filled that are null in every stored row.
    """
    if not files or PAYLOAD not in stored.columns:
        return None
    rows = parquet(file.path for file in files)
    types = engine.shape(rows)
    fields = _fields(engine, spec, rows)
    columns = [column] if column else _empty(engine, spec, rows, types)
    values = {name: _text(fields[name]) for name in columns if name in fields}
    if not values:
        return None
    missing = " OR ".join(
        f"({identifier(name) if name in types else 'NULL'} IS NULL AND {text} IS NOT NULL)"
        for name, text in values.items()
    )
    there = f"{GONE_AT} IS NULL AND " if GONE_AT in types else ""
    parts = [
        f"{_filled(name, values, types)} AS {identifier(name)}"
        for name in validated(spec)
        if name in types or name in values
    ]
    sql = f"SELECT {', '.join(parts)} FROM {rows} WHERE {there}({missing})"
    # A connection of its own: others run statements while the rows are read.
    reader: pa.RecordBatchReader = engine.connection.cursor().execute(sql).to_arrow_reader(_ROWS)
    return reader


def _fields(engine: DuckDB, spec: IngestionSpec, rows: str) -> dict[str, str]:
    """Return the fields that payloads have, by the column that each is."""
    document = f"TRY_CAST({PAYLOAD} AS JSON)"
    keys = f"CASE WHEN json_type({document}) = 'OBJECT' THEN json_keys({document}) END"
    found = engine.execute(f"SELECT DISTINCT unnest({keys}) FROM {rows} ORDER BY 1").fetchall()
    names = [name for (name,) in found]
    return dict(zip(renamed(names, spec), names, strict=True))


def _empty(engine: DuckDB, spec: IngestionSpec, rows: str, types: dict[str, str]) -> Sequence[str]:
    """Return the declared columns that no stored row has a value in."""
    names = [name for name in validated(spec) if name != PAYLOAD]
    counts = ", ".join(f"count({identifier(n)})" if n in types else "0" for n in names)
    counted = engine.execute(f"SELECT {counts} FROM {rows}").fetchone() or ()
    return [name for name, count in zip(names, counted, strict=True) if not count]


def _text(field: str) -> str:
    path = literal(f"$.{identifier(field)}")
    return f"json_extract_string(TRY_CAST({PAYLOAD} AS JSON), {path})"


def _filled(name: str, values: dict[str, str], types: dict[str, str]) -> str:
    if name not in values:
        return identifier(name)
    if name not in types:
        return values[name]
    return f"coalesce({as_text(identifier(name), types[name])}, {values[name]})"
