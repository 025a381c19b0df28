"""Statements that users may run on DuckDB: one query over tables, and files of a local warehouse.

DuckDB's own parser reads the statement. DuckDB is locked as well (see `duckdb_connection`), but can
still write to the folders that it may read: some of its functions do, or run text as a statement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lakehouse.errors import QueryError

if TYPE_CHECKING:
    import duckdb

_MAKE_ROWS = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "unnest"})
"""Allowed table functions that make their rows from their arguments alone."""
_READ_FILES = frozenset({"glob", "iceberg_scan", "read_csv", "read_json", "read_parquet"})
"""Table functions that are allowed if the warehouse is a local folder. In a bucket they are not:
DuckDB compares an address with the allowed folder as text, so that one with `..` or with a query
(`?…`) gets to another folder or server."""
_HINT = "give one SELECT: `query` changes nothing"


def require_query(
    connection: duckdb.DuckDBPyConnection, sql: str, *, is_on_disk: bool = True
) -> None:
    """Raise QueryError unless the SQL is one query that calls only the allowed table functions.

    `is_on_disk` is whether the warehouse is a local folder; only then files are read by name.
    """
    row = connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchone()
    tree = json.loads(row[0] if row else "{}")
    if tree["error"]:
        if tree["error_type"] == "parser":
            raise QueryError(f"DuckDB: Parser Error: {tree['error_message']}")
        raise QueryError("DuckDB: the statement is not a query", hint=_HINT)
    if len(tree["statements"]) != 1:
        raise QueryError(f"DuckDB: {len(tree['statements'])} statements instead of one", hint=_HINT)
    allowed = _MAKE_ROWS | _READ_FILES if is_on_disk else _MAKE_ROWS
    for node in _nodes(tree):
        if node.get("type") == "TABLE_FUNCTION":
            _require_allowed(node["function"]["function_name"].lower(), allowed)
        if node.get("type") == "BASE_TABLE" and not is_on_disk:
            _require_no_file(node)


def _require_allowed(name: str, allowed: frozenset[str]) -> None:
    if name not in allowed:
        raise QueryError(
            f"DuckDB: a query may not read from the function {name}",
            hint=f"it may read from tables, and from {', '.join(sorted(allowed))}",
        )


def _require_no_file(table: dict[str, Any]) -> None:
    if any("/" in table[part] for part in ("catalog_name", "schema_name", "table_name")):
        raise QueryError(
            "DuckDB: a query cannot read a file of a bucket by its name",
            hint="name a table; `show all tables` lists them",
        )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield all nodes of a parsed statement, at any depth."""
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _nodes(branch)
