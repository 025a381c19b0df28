"""Run records as tables that `query` knows: `lakehouse.runs`, `.nodes`, `.checks` and so on.

DuckDB reads all records of a home in bulk; a field that an older record lacks is null. Damaged
records are left out here: DuckDB ignores checksums, and would read them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import ibis

from lakehouse import small_files, storage
from lakehouse.compile.compiler import Statement
from lakehouse.engines import Source
from lakehouse.engines.sql import empty_relation, literal, path_literal, sql_type
from lakehouse.records import run_records

SCHEMA = "lakehouse"
_DIALECT = "duckdb"
_NODE = "STRUCT(node VARCHAR, step VARCHAR, reason VARCHAR, windows VARCHAR, rows BIGINT,\
 seconds DOUBLE, note VARCHAR, counts JSON)"
_CHECK = 'STRUCT("check" VARCHAR, "table" VARCHAR, label VARCHAR, blocking BOOLEAN,\
 passed BOOLEAN, failures BIGINT, rows BIGINT, examples JSON, sql VARCHAR)'
_FIELDS = {
    "run": "VARCHAR",
    "status": "VARCHAR",
    "message": "VARCHAR",
    "window": "TIMESTAMPTZ[]",
    "started_at": "TIMESTAMPTZ",
    "seconds": "DOUBLE",
    "commit": "VARCHAR",
    "published": "MAP(VARCHAR, BIGINT)",
    "nodes": f"{_NODE}[]",
    "checks": f"{_CHECK}[]",
    "error": "VARCHAR",
}
"""The fields that are read from a record, with their types in DuckDB."""
_INSTANT = "timestamp('UTC', 6)"
_RUNS = """
SELECT *, "window"[1] AS window_start, "window"[2] AS window_end FROM records
"""
_NODES = """
SELECT run, started_at, position, unnest(nodes[position])
FROM (SELECT *, unnest(range(1, len(nodes) + 1)) AS position FROM records)
"""
_CHECKS = """
SELECT run, started_at, found."table" AS table_name, found."check" AS check_name, unnest(found)
FROM (SELECT run, started_at, unnest(checks) AS found FROM records)
"""
_PUBLICATIONS = """
SELECT run, commit, started_at + to_seconds(seconds) AS published_at, mart.key AS mart,
    mart.value AS rows
FROM (SELECT *, unnest(map_entries(published)) AS mart FROM records)
"""
_TABLES = {
    "runs": (
        _RUNS,
        {
            "run": "string",
            "status": "string",
            "message": "string",
            "window_start": _INSTANT,
            "window_end": _INSTANT,
            "started_at": _INSTANT,
            "seconds": "float64",
            "commit": "string",
            "error": "string",
        },
    ),
    "nodes": (
        _NODES,
        {
            "run": "string",
            "started_at": _INSTANT,
            "position": "int64",
            "node": "string",
            "step": "string",
            "reason": "string",
            "windows": "string",
            "rows": "int64",
            "seconds": "float64",
            "note": "string",
            "counts": "string",
        },
    ),
    "checks": (
        _CHECKS,
        {
            "run": "string",
            "started_at": _INSTANT,
            "table_name": "string",
            "check_name": "string",
            "label": "string",
            "blocking": "boolean",
            "passed": "boolean",
            "failures": "int64",
            "rows": "int64",
            "examples": "string",
            "sql": "string",
        },
    ),
    "publications": (
        _PUBLICATIONS,
        {
            "run": "string",
            "commit": "string",
            "published_at": _INSTANT,
            "mart": "string",
            "rows": "int64",
        },
    ),
}
"""For each table: the query over `records` that makes it, and its columns."""


def are_named(sql: str) -> bool:
    """Return whether a statement names one of the tables."""
    return any(re.search(rf"\b{SCHEMA}\.{name}\b", sql, re.IGNORECASE) for name in _TABLES)


def tables(warehouse: Path) -> dict[str, Source]:
    """Return the tables by qualified name; without rows as long as there are no records."""
    records = " UNION ALL ".join(_records(warehouse))
    sources = {}
    for name, (sql, columns) in _TABLES.items():
        schema = ibis.schema(columns)
        statement = (
            _statement(records, sql, schema) if records else empty_relation(schema, _DIALECT)
        )
        sources[f"{SCHEMA}.{name}"] = Source(name, schema, view=Statement(statement, schema))
    return sources


def _records(warehouse: Path) -> Iterator[str]:
    """Yield a query over the records of each compression.

    DuckDB tells compressed files by their names, but not in a path that has a `?`.
    """
    record = f"from_json(json, {literal(json.dumps(_FIELDS))})"  # a wrong type is null
    for compression, places in _places(warehouse).items():
        objects = (
            f"read_json_objects([{', '.join(places)}], compression = '{compression}',"
            " format = 'unstructured', hive_partitioning = false)"
        )
        yield f"SELECT unnest(record) FROM (SELECT {record} AS record FROM {objects})"


def _places(warehouse: Path) -> dict[str, list[str]]:
    """Return the paths of all readable records as SQL literals, by compression."""
    on_disk = storage.is_on_disk(warehouse)
    as_sql = path_literal if on_disk else literal
    paths: dict[str, list[str]] = {}
    for place in run_records.places(warehouse).values():
        if on_disk and small_files.read(place, run_records.decompressed) is None:
            continue  # it is damaged; a bucket has only complete files
        compression = "gzip" if place.suffix == ".gz" else "uncompressed"
        paths.setdefault(compression, []).append(as_sql(str(place)))
    return paths


def _statement(records: str, sql: str, schema: ibis.Schema) -> str:
    columns = ", ".join(
        f'CAST("{name}" AS {sql_type(kind, _DIALECT)}) AS "{name}"' for name, kind in schema.items()
    )
    readable = f"SELECT * FROM ({records}) WHERE run IS NOT NULL"
    return f"WITH records AS ({readable}) SELECT {columns} FROM ({sql})"
