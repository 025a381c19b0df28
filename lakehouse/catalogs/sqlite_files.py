"""Checksums of table files in SQLite, which tell a damaged file that can still be read.

Paths are stored relative to the warehouse, which keeps the table of them small.
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
    """Store the CRC-32 of new files."""
    rows = [(_name(path, warehouse), value) for path, value in checksums.items()]
    db.executemany("INSERT OR REPLACE INTO lakehouse_files VALUES (?, ?)", rows)


def checksum(db: sqlite3.Connection, warehouse: Path, path: Path) -> int | None:
    """The CRC-32 that a file had when it was written; None if it was not stored."""
    sql = "SELECT checksum FROM lakehouse_files WHERE path = ?"
    row = db.execute(sql, (_name(path, warehouse),)).fetchone()
    return None if row is None else int(row["checksum"])


def checksums(db: sqlite3.Connection, warehouse: Path) -> dict[str, int]:
    """All stored checksums, by absolute path."""
    rows = db.execute("SELECT path, checksum FROM lakehouse_files")
    return {str(warehouse / row["path"]): row["checksum"] for row in rows}


def forget(db: sqlite3.Connection, warehouse: Path, paths: Iterable[Path]) -> None:
    """Remove the checksums of files that were deleted."""
    rows = [(_name(path, warehouse),) for path in paths]
    db.executemany("DELETE FROM lakehouse_files WHERE path = ?", rows)


def _name(path: Path, warehouse: Path) -> str:
    return str(path.relative_to(warehouse) if path.is_relative_to(warehouse) else path)
