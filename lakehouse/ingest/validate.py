"""Validation: staged rows are cast to the declared types, and get the reasons to reject them.

A row without reasons is valid, any other goes to quarantine. The expression of the reasons comes
from `compile/quarantine_reasons.py`. All of it is one pass over the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

from lakehouse.compile.quarantine_reasons import CAST, FIELDS, PAYLOAD, REASONS, text_of
from lakehouse.declare.raw_columns import POSITION, declared, rounded
from lakehouse.engines.duckdb_relations import parquet
from lakehouse.engines.sql import empty_relation, identifier, sql_type
from lakehouse.ingest import temporary_tables
from lakehouse.ingest.exact_casts import as_text, exact_cast

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec
    from lakehouse.engines.duckdb import DuckDB

_DIALECT = "duckdb"


@dataclass(frozen=True)
class Validated:
    """Rows that were cast and validated."""

    table: str
    """The temporary table that holds them."""
    fetched: frozenset[str]
    """The columns that were fetched."""


def validate(
    engine: DuckDB, spec: IngestionSpec, quarantine_reasons: str, paths: Sequence[str]
) -> Validated:
    """Cast and validate the staged rows in one pass.

    `quarantine_reasons` is the SELECT that adds the reasons to the rows once they are cast.

    The resulting table has the declared columns, the position, and `reasons`: empty for a valid
    row. Rejected rows, and rows without a whole key, also keep all their fields as JSON in FIELDS,
    and again in PAYLOAD unless the schema declares that column.
    """
    files = parquet(paths)
    if not paths:
        columns = ibis.schema({**declared(spec), POSITION: "int64"})
        files = f"({empty_relation(columns, _DIALECT)})"
    staged = engine.shape(files)
    cast = f"SELECT {_casts(spec, staged)} FROM {files} AS staged"
    name = temporary_tables.validated(spec)
    kept = FIELDS if FIELDS in staged else f"to_json({FIELDS})::VARCHAR"
    names = [FIELDS, *([] if PAYLOAD in declared(spec) else [PAYLOAD])]
    needed = f"{REASONS} <> '' OR {keyless(spec)}"
    fields = ", ".join(f"CASE WHEN {needed} THEN {kept} END AS {name}" for name in names)
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS"
        f" WITH {CAST} AS NOT MATERIALIZED ({cast})"
        f" SELECT * EXCLUDE ({FIELDS}), {fields} FROM ({quarantine_reasons})"
    )
    return Validated(name, frozenset(staged) - {POSITION, FIELDS})


def keyless(spec: IngestionSpec) -> str:
    """Return the SQL condition that a part of the key is null or empty.

    Such a row is identified by its content.
    """
    return " OR ".join(
        f"coalesce({identifier(name)}::VARCHAR, '') = ''" for name in spec.unique_key
    )


def _casts(spec: IngestionSpec, staged: Mapping[str, str]) -> str:
    """Return the SELECT list: each declared column as its type, and as the text before the cast."""
    schema, may_round = declared(spec), rounded(spec)
    parts = []
    for name, kind in schema.items():
        value, target = identifier(name), sql_type(kind, _DIALECT)
        cast, text = f"NULL::{target}", "NULL::VARCHAR"
        if staged.get(name) == target.lower():
            cast = value
        elif name in staged:
            cast = exact_cast(value, staged[name], kind, is_rounded=name in may_round)
            text = as_text(value, staged[name])
        parts += [f"{cast} AS {value}", f"{text} AS {identifier(text_of(name))}"]
    return ", ".join([*parts, f"{_fields(staged)} AS {FIELDS}", POSITION])


def _fields(staged: Mapping[str, str]) -> str:
    """Return SQL of all fetched fields but the payload, as a struct.

    It becomes JSON only for rejected and keyless rows.
    """
    if FIELDS in staged:
        return FIELDS
    names = [identifier(name) for name in staged if name not in (POSITION, PAYLOAD)]
    return f"struct_pack({', '.join(f'{name} := {name}' for name in names)})"
