"""Validation: staged rows are told apart into valid ones and ones to quarantine, with reasons.

Text is cast to the type that the schema declares, then every row is judged, in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

from lakehouse.engines.duckdb import parquet
from lakehouse.engines.sql import nothing, quoted, sql_type
from lakehouse.judgement import CAST, FIELDS, PAYLOAD, REASONS, text_of
from lakehouse.raw import POSITION, declared

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

    from lakehouse.declare import IngestionSpec
    from lakehouse.engines.duckdb import DuckDB

_DIALECT = "duckdb"
_TEXT = ("varchar", "uuid")
_NESTED = ("struct", "list", "map")


@dataclass(frozen=True)
class Validated:
    """Rows that were cast and judged."""

    table: str
    """The temporary table that they are in."""
    fetched: frozenset[str]
    """The columns that they came with."""


def validate(
    engine: DuckDB, spec: IngestionSpec, judgement: str, paths: Sequence[str]
) -> Validated:
    """Cast and judge the staged rows in one pass.

    `judgement` is the SELECT that adds reasons to cast rows.

    The table has the declared columns, the position, and `reasons`: empty for a valid row. Rows
    that are rejected, or known by their content, have all their fields as JSON, which is their
    `payload` too unless the schema declares one.
    """
    files = parquet(paths)
    if not paths:
        columns = ibis.schema({**declared(spec), POSITION: "int64"})
        files = f"({nothing(columns, _DIALECT)})"
    staged = engine.shape(files)
    cast = f"SELECT {_casts(spec, staged)} FROM {files} AS staged"
    name = f"{spec.name}_validated"
    kept = FIELDS if FIELDS in staged else f"to_json({FIELDS})::VARCHAR"
    names = [FIELDS, *([] if PAYLOAD in declared(spec) else [PAYLOAD])]
    needed = f"{REASONS} <> '' OR {keyless(spec)}"
    fields = ", ".join(f"CASE WHEN {needed} THEN {kept} END AS {name}" for name in names)
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS"
        f" WITH {CAST} AS NOT MATERIALIZED ({cast})"
        f" SELECT * EXCLUDE ({FIELDS}), {fields} FROM ({judgement})"
    )
    return Validated(name, frozenset(staged) - {POSITION, FIELDS})


def keyless(spec: IngestionSpec) -> str:
    """The condition that a part of the key is null or empty: its content stands for the row."""
    return " OR ".join(f"coalesce({quoted(name)}::VARCHAR, '') = ''" for name in spec.unique_key)


def _casts(spec: IngestionSpec, staged: Mapping[str, str]) -> str:
    """The staged columns as the declared types, beside the text that each was cast from."""
    schema = declared(spec)
    parts = [f"{_cast(name, kind, staged)} AS {quoted(name)}" for name, kind in schema.items()]
    for name, kind in schema.items():
        if not kind.is_string():
            value = f"{quoted(name)}::VARCHAR" if _is_told(name, staged) else "NULL::VARCHAR"
            parts.append(f"{value} AS {quoted(text_of(name))}")
    return ", ".join([*parts, f"{_fields(staged)} AS {FIELDS}", POSITION])


def _fields(staged: Mapping[str, str]) -> str:
    """All that was fetched of a row, but its payload; only of rejected rows it becomes JSON."""
    if FIELDS in staged:
        return FIELDS
    names = [quoted(name) for name in staged if name not in (POSITION, PAYLOAD)]
    return f"struct_pack({', '.join(f'{name} := {name}' for name in names)})"


def _is_told(name: str, staged: Mapping[str, str]) -> bool:
    """Whether a column came as something that may be no value of its type."""
    return staged.get(name) in (*_TEXT, *_NESTED)


def _cast(name: str, kind: dt.DataType, staged: Mapping[str, str]) -> str:
    target, value = sql_type(kind, _DIALECT), quoted(name)
    if name not in staged:
        return f"NULL::{target}"
    if staged[name] in _TEXT and kind.is_integer():
        # Sources write whole numbers with a fraction too: '1767322876609.96'.
        whole = f"TRY_CAST(round(TRY_CAST({value} AS DOUBLE)) AS {target})"
        return f"coalesce(TRY_CAST({value} AS {target}), {whole})"
    return f"TRY_CAST({value} AS {target})"
