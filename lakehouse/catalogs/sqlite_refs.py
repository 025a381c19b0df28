"""The metadata file of each table on main and on every branch: the rows of `iceberg_tables`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from lakehouse.catalogs import MAIN
from lakehouse.table_names import name_of, schema_of


def places(db: sqlite3.Connection, ref: str) -> dict[str, str]:
    """The address of each table's metadata file on main or a branch, by table name."""
    rows = db.execute(
        "SELECT table_namespace || '.' || table_name AS name, metadata_location AS place"
        " FROM iceberg_tables WHERE catalog_name = ?",
        (ref,),
    )
    return {row["name"]: row["place"] for row in rows}


def moves(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """The tables that differ, each with its metadata file in `after`; None if it is not there."""
    return {
        name: after.get(name)
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


def move_main(db: sqlite3.Connection, changed: Mapping[str, str | None]) -> None:
    """Set the metadata files of some tables of main; None removes the table."""
    for name, place in changed.items():
        namespace, table = schema_of(name), name_of(name)
        db.execute(
            "DELETE FROM iceberg_tables"
            " WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?",
            (MAIN, namespace, table),
        )
        if place is not None:
            db.execute(
                "INSERT INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE')",
                (MAIN, namespace, table, place),
            )


def copy(db: sqlite3.Connection, table: str, source: str, target: str) -> None:
    """Copy the rows of a ref in a table of the SQLite file, under the name of another ref."""
    columns = [row["name"] for row in db.execute(f"PRAGMA table_info({table})")][1:]
    listed = ", ".join(columns)
    db.execute(
        f"INSERT OR IGNORE INTO {table} SELECT ?, {listed} FROM {table} WHERE catalog_name = ?",
        (target, source),
    )


def forget(db: sqlite3.Connection, branch: str) -> None:
    """Remove a branch and its rows."""
    for table in ("iceberg_tables", "iceberg_namespace_properties"):
        db.execute(f"DELETE FROM {table} WHERE catalog_name = ?", (branch,))
    db.execute("DELETE FROM lakehouse_branches WHERE name = ?", (branch,))


def branch_base(db: sqlite3.Connection, name: str) -> int | None:
    """The sequence of the commit that a branch was made from; None if there is no such branch."""
    row = db.execute("SELECT base FROM lakehouse_branches WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row["base"])
