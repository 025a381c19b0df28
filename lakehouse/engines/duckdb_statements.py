"""What users may ask of DuckDB: one query, which reads tables and the warehouse's files.

The query is read by DuckDB's own parser. Where it runs, DuckDB is locked besides; but it can write
to the folders that it may read, and some of its functions do, or run text as another statement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lakehouse.errors import QueryError

if TYPE_CHECKING:
    import duckdb

_NAMES = """
generate_series glob iceberg_metadata iceberg_scan iceberg_snapshots json_each json_tree
parquet_metadata parquet_scan parquet_schema range read_csv read_json read_parquet repeat unnest
"""
_FUNCTIONS = frozenset(_NAMES.split())
"""What may stand in place of a table: it makes rows of its arguments, or reads files."""
_HINT = "give one SELECT: `query` changes nothing"


def require_query(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse whatever is not one query by functions that only read. Raises QueryError."""
    found = connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchone()
    tree = json.loads(found[0] if found else "{}")
    if tree["error"]:
        if tree["error_type"] == "parser":
            raise QueryError(f"DuckDB: Parser Error: {tree['error_message']}")
        raise QueryError("DuckDB: the statement is no query", hint=_HINT)
    if len(tree["statements"]) != 1:
        raise QueryError(f"DuckDB: there are {len(tree['statements'])} statements", hint=_HINT)
    for name in _table_functions(tree):
        if name not in _FUNCTIONS:
            raise QueryError(
                f"DuckDB: {name} is no function that a query may read from",
                hint=f"there are tables, and {', '.join(sorted(_FUNCTIONS))}",
            )


def _table_functions(tree: Any) -> Iterator[str]:
    """The functions that stand in place of a table, however deep."""
    if isinstance(tree, dict):
        if tree.get("type") == "TABLE_FUNCTION":
            yield str(tree["function"]["function_name"]).lower()
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _table_functions(branch)
