"""Checksums of the files of tables in SQLite: a damaged file may be readable, and say other things.

Paths are kept relative to the warehouse, as there are many of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS lakehouse_files (
    path TEXT PRIMARY KEY, checksum INTEGER NOT NULL) WITHOUT ROWID;
"""


def keep(db: sqlite3.Connection, warehouse: Path, checksums: Mapping[Path, int | None]) -> None:
    """Remember what new files hold."""
    rows = [(_name(path, warehouse), each) for path, each in checksums.items()]
    db.executemany("INSERT OR REPLACE INTO lakehouse_files VALUES (?, ?)", rows)


def checksum(db: sqlite3.Connection, warehouse: Path, path: Path) -> int | None:
    """The checksum of a file, if it is known."""
    asked = "SELECT checksum FROM lakehouse_files WHERE path = ?"
    row = db.execute(asked, (_name(path, warehouse),)).fetchone()
    return None if row is None else int(row["checksum"])


def checksums(db: sqlite3.Connection, warehouse: Path) -> dict[str, int]:
    """The checksum of each file that is known, by its whole path."""
    rows = db.execute("SELECT path, checksum FROM lakehouse_files")
    return {str(warehouse / row["path"]): row["checksum"] for row in rows}


def forget(db: sqlite3.Connection, warehouse: Path, paths: Iterable[Path]) -> None:
    """Forget files that were removed."""
    rows = [(_name(path, warehouse),) for path in paths]
    db.executemany("DELETE FROM lakehouse_files WHERE path = ?", rows)


def _name(path: Path, warehouse: Path) -> str:
    return str(path.relative_to(warehouse) if path.is_relative_to(warehouse) else path)
