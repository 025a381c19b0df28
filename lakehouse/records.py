"""Run records as tables: what `query` knows as `lakehouse.runs`, `.nodes`, `.checks` and so on.

DuckDB reads all records of a home in bulk; a field that an older record lacks is null. Damaged ones
are left out: DuckDB would not notice, as it does not look at their checksums.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import ibis

from lakehouse import documents, runs, storage
from lakehouse.compile import Statement
from lakehouse.engines import Source
from lakehouse.engines.sql import nothing, path_text, sql_type, text

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
"""What is read of a record."""
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
"""How each table is made of `records`, and its columns."""


def are_named(sql: str) -> bool:
    """Whether a statement asks for one of the tables."""
    return any(re.search(rf"\b{SCHEMA}\.{name}\b", sql, re.IGNORECASE) for name in _TABLES)


def tables(warehouse: Path) -> dict[str, Source]:
    """The tables by qualified name; without rows as long as there are no records."""
    records = " UNION ALL ".join(_records(warehouse))
    found = {}
    for name, (sql, columns) in _TABLES.items():
        schema = ibis.schema(columns)
        statement = _statement(records, sql, schema) if records else nothing(schema, _DIALECT)
        found[f"{SCHEMA}.{name}"] = Source(name, schema, view=Statement(statement, schema))
    return found


def _records(warehouse: Path) -> Iterator[str]:
    """The records, by how they are compressed: of a path with a `?`, DuckDB would not see it."""
    record = f"from_json(json, {text(json.dumps(_FIELDS))})"  # a wrong type is null
    for compression, places in _places(warehouse).items():
        objects = (
            f"read_json_objects([{', '.join(places)}], compression = '{compression}',"
            " format = 'unstructured', hive_partitioning = false)"
        )
        yield f"SELECT unnest(record) FROM (SELECT {record} AS record FROM {objects})"


def _places(warehouse: Path) -> dict[str, list[str]]:
    """Every record that can be read, as DuckDB's text of its place."""
    on_disk = storage.is_on_disk(warehouse)
    literal = path_text if on_disk else text
    found: dict[str, list[str]] = {}
    for place in runs.places(warehouse).values():
        if on_disk and documents.read(place, runs.decompressed) is None:
            continue  # it is damaged; what a bucket has taken is whole
        compression = "gzip" if place.suffix == ".gz" else "uncompressed"
        found.setdefault(compression, []).append(literal(str(place)))
    return found


def _statement(records: str, sql: str, schema: ibis.Schema) -> str:
    shown = ", ".join(
        f'CAST("{name}" AS {sql_type(kind, _DIALECT)}) AS "{name}"' for name, kind in schema.items()
    )
    known = f"SELECT * FROM ({records}) WHERE run IS NOT NULL"
    return f"WITH records AS ({known}) SELECT {shown} FROM ({sql})"
