"""Validation: staged rows are cast to the declared types, and get the reasons to reject them.

A row without reasons is valid, any other goes to quarantine. The expression of the reasons comes
from `compile/quarantine_reasons.py`. All of it is one pass over the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import ibis

from lakehouse.compile.quarantine_reasons import (
    CAST,
    FIELDS,
    KEPT_FIELDS,
    PAYLOAD,
    REASONS,
    text_of,
)
from lakehouse.declare.column_types import stored
from lakehouse.declare.raw_columns import (
    FILE_NAME,
    POSITION,
    declared,
    file_column,
    rounded,
    validated,
)
from lakehouse.engines.duckdb_relations import parquet
from lakehouse.engines.sql import empty_relation, identifier, literal, sql_type
from lakehouse.ingest import drift, temporary_tables
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
    engine: DuckDB,
    spec: IngestionSpec,
    quarantine_reasons: str,
    paths: Sequence[str],
    *,
    unread: Sequence[str] = (),
    are_many: bool = False,
) -> Validated:
    """Cast and validate the staged rows in one pass.

    `quarantine_reasons` is the SELECT that adds the reasons to the rows once they are cast. Of
    files that are `unread`, no rows count: they may be a part of all. If the rows `are_many`, the
    result is kept on disk, so that memory does not grow with them.

    The resulting table has the declared columns, the position, and `reasons`: empty for a valid
    row. Rejected rows, and rows without a whole key, also keep all their fields as JSON in FIELDS,
    and again in PAYLOAD unless the schema declares that column.
    """
    relations = _of_one_shape(spec, paths)
    staged = [engine.shape(rows) for rows in relations]
    is_one = len(relations) == 1
    parts = [
        f"SELECT {_casts(spec, columns, is_one=is_one)} FROM {rows} AS staged{_without(unread)}"
        for rows, columns in zip(relations, staged, strict=True)
    ]
    cast = " UNION ALL ".join(parts)
    name = temporary_tables.validated(spec)
    names = [FIELDS, *([] if PAYLOAD in declared(spec) else [PAYLOAD])]
    needed = f"{REASONS} <> '' OR {keyless(spec)}"
    kept = f"to_json({FIELDS})::VARCHAR" if is_one else FIELDS
    kept = FIELDS if KEPT_FIELDS in staged[0] else kept
    fields = ", ".join(f"CASE WHEN {needed} THEN {kept} END AS {name}" for name in names)
    fetched = frozenset().union(*staged)
    if PAYLOAD not in declared(spec):
        fetched |= _in_documents(engine, relations, staged)
    statement = (
        f"WITH {CAST} AS NOT MATERIALIZED ({cast})"
        f" SELECT * EXCLUDE ({FIELDS}), {fields} FROM ({quarantine_reasons})"
    )
    engine.keep(name, statement, are_many=are_many)
    return Validated(name, fetched - {POSITION, KEPT_FIELDS, FILE_NAME})


def _without(files: Sequence[str]) -> str:
    return f" WHERE {FILE_NAME} NOT IN ({', '.join(map(literal, files))})" if files else ""


def _in_documents(
    engine: DuckDB, relations: Sequence[str], staged: Sequence[Mapping[str, str]]
) -> frozenset[str]:
    """Return the names of fields in rows that were given as documents."""
    several = zip(relations, staged, strict=True)
    documents = [
        f"SELECT DISTINCT unnest(json_keys(TRY_CAST({KEPT_FIELDS} AS JSON))) FROM {rows}"
        for rows, columns in several
        if KEPT_FIELDS in columns
    ]
    if not documents:
        return frozenset()
    names = engine.execute(f"{' UNION '.join(documents)} LIMIT {drift.MOST + 1}").fetchall()
    return frozenset(name for (name,) in names)


def keyless(spec: IngestionSpec) -> str:
    """Return the SQL condition that a part of the key is null or empty.

    Such a row is identified by its content.
    """
    return " OR ".join(
        f"coalesce({identifier(name)}::VARCHAR, '') = ''" for name in spec.unique_key
    )


def _of_one_shape(spec: IngestionSpec, paths: Sequence[str]) -> list[str]:
    """Return relations of the staged rows, each of files with columns of the same types.

    Read together, columns of different types would be cast to a common one first.
    """
    if not paths:
        columns = ibis.schema({**validated(spec), **file_column(spec), POSITION: "int64"})
        return [f"({empty_relation(columns, _DIALECT)})"]
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(PurePath(path).parent.name, []).append(path)
    return [*map(parquet, by_folder.values())]


def _casts(spec: IngestionSpec, staged: Mapping[str, str], *, is_one: bool) -> str:
    """Return the SELECT list: each declared column as its type, and as the text before the cast.

    `is_one` says that there are no rows with other columns: all fields are kept as a struct then.
    """
    schema, may_round = declared(spec), rounded(spec)
    parts = []
    for name, kind in schema.items():
        value, target = identifier(name), sql_type(stored(kind), _DIALECT)
        cast, text = f"NULL::{target}", "NULL::VARCHAR"
        if name == PAYLOAD and name not in staged:
            cast = f"CAST(to_json({_fields(staged)}) AS {target})"
        if name in staged:
            cast = exact_cast(value, staged[name], kind, is_rounded=name in may_round)
            # A value that is taken as it is has no reason, so its text is not needed.
            text = text if cast == value else as_text(value, staged[name])
            cast = cast if cast == value else f"CAST({cast} AS {target})"
        parts += [f"{cast} AS {value}", f"{text} AS {identifier(text_of(name))}"]
    fields = _fields(staged)
    if not is_one and KEPT_FIELDS not in staged:
        fields = f"to_json({fields})::VARCHAR"
    return ", ".join([*parts, f"{fields} AS {FIELDS}", *file_column(spec), POSITION])


def _fields(staged: Mapping[str, str]) -> str:
    """Return SQL of all fetched fields but the payload, as a struct.

    It becomes JSON only for rejected and keyless rows.
    """
    if KEPT_FIELDS in staged:
        return KEPT_FIELDS
    names = [identifier(name) for name in staged if name not in (POSITION, PAYLOAD, FILE_NAME)]
    return f"struct_pack({', '.join(f'{name} := {name}' for name in names)})"
