"""Validation: staged rows are told apart into valid ones and ones to quarantine, with reasons.

All of a Pandera schema becomes one expression of reasons per row. Text is cast to the type that the
schema declares; what does not cast is a reason too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from lakehouse.compile import to_sql
from lakehouse.engines.duckdb import parquet
from lakehouse.engines.sql import nothing, quoted, sql_type
from lakehouse.errors import ProjectError
from lakehouse.ingest.stage import FIELDS, POSITION
from lakehouse.raw import declared
from lakehouse.schemas import broken_by_column, broken_by_row

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

    from lakehouse.declare import IngestionSpec
    from lakehouse.engines.duckdb import DuckDB

REASONS = "reasons"
PAYLOAD = "payload"
_SEPARATOR = "; "
_CAST = "cast_rows"
_DIALECT = "duckdb"


def validate(engine: DuckDB, spec: IngestionSpec, paths: Sequence[str]) -> str:
    """Cast and judge the staged rows in one pass; the name of the temporary table of them.

    It has the declared columns, the position, and `reasons`: empty for a valid row. Rows that are
    rejected, or known by their content, have all their fields as JSON, which is their `payload`
    too unless the schema declares one.
    """
    files = parquet(paths)
    if not paths:
        columns = ibis.schema({**declared(spec), POSITION: "int64"})
        files = f"({nothing(columns, _DIALECT)})"
    shape = engine.connection.execute(f"SELECT * FROM {files} LIMIT 0").to_arrow_table().schema
    staged = ibis.Schema.from_pyarrow(shape)
    cast = f"SELECT {_casts(spec, staged)} FROM {files} AS staged"
    name = f"{spec.name}_validated"
    kept = FIELDS if FIELDS in staged else f"to_json({FIELDS})::VARCHAR"
    names = [FIELDS, *([] if PAYLOAD in declared(spec) else [PAYLOAD])]
    needed = f"{REASONS} <> '' OR {keyless(spec)}"
    fields = ", ".join(f"CASE WHEN {needed} THEN {kept} END AS {name}" for name in names)
    engine.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS"
        f" WITH {_CAST} AS NOT MATERIALIZED ({cast})"
        f" SELECT * EXCLUDE ({FIELDS}), {fields} FROM ({judgement(spec)})"
    )
    return name


def keyless(spec: IngestionSpec) -> str:
    """The condition that a part of the key is null or empty: its content stands for the row."""
    return " OR ".join(f"coalesce({quoted(name)}::VARCHAR, '') = ''" for name in spec.unique_key)


@lru_cache
def judgement(spec: IngestionSpec) -> str:
    """The SELECT that adds the reasons to cast rows; the same for whatever a source yields."""
    schema = declared(spec)
    texts = {_text(name): "string" for name, kind in schema.items() if not kind.is_string()}
    columns = {**schema, **texts, FIELDS: "string", POSITION: "int64"}
    rows = ibis.table(columns, name=_CAST)
    joined = ibis.literal(_SEPARATOR).join(list(_reasons(spec, rows)))
    return to_sql(rows.mutate(**{REASONS: joined.fill_null("")}).drop(*texts), _DIALECT)


def _casts(spec: IngestionSpec, staged: ibis.Schema) -> str:
    """The staged columns as the declared types, beside the text that each was cast from."""
    schema = declared(spec)
    parts = [f"{_cast(name, kind, staged)} AS {quoted(name)}" for name, kind in schema.items()]
    for name, kind in schema.items():
        if not kind.is_string():
            came_as_text = name in staged and staged[name].is_string()
            value = quoted(name) if came_as_text else "NULL::VARCHAR"
            parts.append(f"{value} AS {quoted(_text(name))}")
    return ", ".join([*parts, f"{_fields(staged)} AS {FIELDS}", POSITION])


def _fields(staged: ibis.Schema) -> str:
    """All that was fetched of a row, but its payload; only of rejected rows it becomes JSON."""
    if FIELDS in staged:
        return FIELDS
    names = [quoted(name) for name in staged if name not in (POSITION, PAYLOAD)]
    return f"struct_pack({', '.join(f'{name} := {name}' for name in names)})"


def _cast(name: str, kind: dt.DataType, staged: ibis.Schema) -> str:
    target, value = sql_type(kind, _DIALECT), quoted(name)
    if name not in staged:
        return f"NULL::{target}"
    if staged[name].is_string() and kind.is_integer():
        # Sources write whole numbers with a fraction too: '1767322876609.96'.
        whole = f"TRY_CAST(round(TRY_CAST({value} AS DOUBLE)) AS {target})"
        return f"coalesce(TRY_CAST({value} AS {target}), {whole})"
    return f"TRY_CAST({value} AS {target})"


def _text(name: str) -> str:
    """The column that keeps what a value was cast from."""
    return f"_text_{name}"


def _reasons(spec: IngestionSpec, rows: ir.Table) -> Iterator[ir.StringValue]:
    """One text per rule: the reason where a row breaks it, else null."""
    schema = spec.validation_schema.to_schema()
    try:
        for name, column in schema.columns.items():
            value = rows[name]
            missing = value.isnull()
            if _text(name) in rows.columns:
                text = rows[_text(name)]
                shown = ibis.literal(f"{name}: ") + text.substr(0, 40)
                wrong = missing & text.notnull()
                noun = _noun(column.dtype.type)
                yield wrong.ifelse(shown + f" is not {noun}", ibis.null("string"))
                missing = missing & text.isnull()
            if not column.nullable or name in spec.unique_key:
                yield _when(missing, f"{name} is missing")
            for reason, broken in broken_by_column(column, rows, name):
                yield _when(broken, reason)
        for reason, broken in broken_by_row(spec.validation_schema, rows):
            yield _when(broken, reason)
    except ProjectError as error:
        raise ProjectError(f"{spec.table}: {error.message}", hint=error.hint) from None


def _when(condition: ir.BooleanValue, reason: str) -> ir.StringValue:
    return condition.ifelse(ibis.literal(reason), ibis.null("string"))


def _noun(kind: dt.DataType) -> str:
    return "a number" if kind.is_numeric() else f"of type {kind}"
