"""What users may ask of DuckDB: one query, which reads tables, and the warehouse's files on a disk.

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

_MAKE_ROWS = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "unnest"})
"""Functions that may stand in place of a table, since they make rows of their arguments."""
_READ_FILES = frozenset({"glob", "iceberg_scan", "read_csv", "read_json", "read_parquet"})
"""Those that may on a disk. In a bucket, DuckDB compares the address with the folder as text, but
asks for another place if `..` is in it, and another server if it has a query."""
_HINT = "give one SELECT: `query` changes nothing"


def require_query(
    connection: duckdb.DuckDBPyConnection, sql: str, *, is_on_disk: bool = True
) -> None:
    """Refuse whatever is not one query by functions that only read. Raises QueryError.

    Files are read by name only where they are on a disk.
    """
    found = connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchone()
    tree = json.loads(found[0] if found else "{}")
    if tree["error"]:
        if tree["error_type"] == "parser":
            raise QueryError(f"DuckDB: Parser Error: {tree['error_message']}")
        raise QueryError("DuckDB: the statement is no query", hint=_HINT)
    if len(tree["statements"]) != 1:
        raise QueryError(f"DuckDB: there are {len(tree['statements'])} statements", hint=_HINT)
    allowed = _MAKE_ROWS | _READ_FILES if is_on_disk else _MAKE_ROWS
    for node in _nodes(tree):
        if node.get("type") == "TABLE_FUNCTION":
            _require_allowed(node["function"]["function_name"].lower(), allowed)
        if node.get("type") == "BASE_TABLE" and not is_on_disk:
            _require_no_file(node)


def _require_allowed(name: str, allowed: frozenset[str]) -> None:
    if name not in allowed:
        raise QueryError(
            f"DuckDB: {name} is no function that a query may read from",
            hint=f"there are tables, and {', '.join(sorted(allowed))}",
        )


def _require_no_file(table: dict[str, Any]) -> None:
    if any("/" in table[part] for part in ("catalog_name", "schema_name", "table_name")):
        raise QueryError(
            "DuckDB: a file in a bucket is not read by its name",
            hint="name a table; `show all tables` lists them",
        )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """The parts of a statement, however deep."""
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            yield from _nodes(branch)
