"""The catalog of the local profile: the tables of PyIceberg's SqlCatalog in a SQLite file.

SqlCatalog keys each row by a catalog name. Here that name is the branch: a branch is a copy of
main's rows under another name, and a merge replaces main's rows in one SQLite transaction. The same
transaction logs which tables the merge changed, so that each commit stays readable.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import storage
from lakehouse.catalogs import (
    MAIN,
    Branch,
    Commit,
    DataFile,
    StoredTable,
    TableChange,
    iceberg,
    names,
)
from lakehouse.catalogs import sqlite_files as files
from lakehouse.catalogs import sqlite_history as history
from lakehouse.catalogs import sqlite_refs as refs
from lakehouse.catalogs.intact import require_intact
from lakehouse.catalogs.sqlite_file import SqliteFile
from lakehouse.errors import MergeConflictError, UnknownNameError
from lakehouse.system import clock

if TYPE_CHECKING:
    from lakehouse.catalogs.sqlite_tables import SqliteTables


class SqliteCatalog:
    """Refs and tables in a SQLite file; implements `Catalog`."""

    def __init__(self, path: Path, warehouse: Path) -> None:
        """`path` is the SQLite file, `warehouse` the folder that holds the tables."""
        self.path = path
        self.warehouse = warehouse
        self._intact: set[str] = set()
        """Metadata files that were checked; once is enough, as no file is written twice."""
        self._one_at_a_time = threading.Lock()
        self._file = SqliteFile(path, warehouse)

    def file_outside(self) -> str | None:
        """Return a metadata file that lies outside the warehouse; None if all lie inside."""
        if not self.path.exists():
            return None
        with self._file.reading() as db:
            rows = db.execute("SELECT metadata_location FROM iceberg_tables").fetchall()
        places = (storage.local(row["metadata_location"]) for row in rows)
        inside = f"{self.warehouse}/"
        return next((place for place in places if not place.startswith(inside)), None)

    def head(self) -> Commit | None:
        commits = self.log(limit=1)
        return commits[0] if commits else None

    def log(self, limit: int | None = None) -> list[Commit]:
        with self._file.reading() as db:
            return history.log(db, limit)

    def commit(self, ref: str) -> Commit:
        with self._file.reading() as db:
            return self._commit(db, ref)

    def made_by(self, run_id: str) -> Commit | None:
        with self._file.reading() as db:
            return history.made_by(db, run_id)

    def at(self, moment: datetime) -> Commit:
        with self._file.reading() as db:
            return history.at(db, moment)

    def tags(self) -> dict[str, str]:
        with self._file.reading() as db:
            return history.tags(db)

    def tag(self, name: str, ref: str) -> Commit:
        with self._file.writing() as db:
            if refs.branch_base(db, name) is not None:
                raise names.is_a_branch(name)
            commit = self._commit(db, ref)
            names.require_readable(commit, lambda: history.log(db))
            history.tag(db, name, commit)
        return commit

    def drop_tag(self, name: str) -> None:
        with self._file.writing() as db:
            history.drop_tag(db, name)

    def tables(self, ref: str) -> dict[str, StoredTable]:
        places = self.places(ref)
        return {name: self._table(name, place, ref) for name, place in sorted(places.items())}

    def _table(self, name: str, metadata: str, ref: str) -> StoredTable:
        stored = iceberg.read(name, metadata, Path(storage.local(metadata)), ref)
        if metadata not in self._intact:
            require_intact(name, metadata, self._checksum)
            self._intact.add(metadata)
        return stored

    def places(self, ref: str) -> dict[str, str]:
        with self._file.reading() as db:
            if ref == MAIN or refs.branch_base(db, ref) is not None:
                return refs.places(db, ref)
            return history.places_of(db, history.resolve(db, ref))

    def strangers(self, ref: str) -> dict[str, str]:  # noqa: ARG002 - the protocol has it
        """Return nothing: nobody else writes to the catalog of a home."""
        return {}

    def branches(self) -> list[Branch]:
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT b.name, b.created_at, k.id AS base FROM lakehouse_branches b"
                " LEFT JOIN lakehouse_commits k ON k.sequence = b.base ORDER BY b.created_at"
            ).fetchall()
        return [
            Branch(row["name"], row["base"] or "", datetime.fromisoformat(row["created_at"]))
            for row in rows
        ]

    def create_branch(self, name: str) -> None:
        with self._file.writing(lasting=False) as db:
            (base,) = db.execute("SELECT coalesce(max(sequence), 0) FROM lakehouse_commits")
            db.execute(
                "INSERT INTO lakehouse_branches VALUES (?, ?, ?)",
                (name, base[0], clock.now().isoformat()),
            )
            for table in ("iceberg_tables", "iceberg_namespace_properties"):
                refs.copy(db, table, MAIN, name)

    def drop_branch(self, name: str) -> None:
        with self._file.writing() as db:
            refs.forget(db, name)

    def secure(self, branch: str) -> None:
        tables = self._opened.get(branch)
        if tables is not None and tables.written:
            written = [Path(storage.local(address)) for address in tables.written]
            storage.sync(written, self.warehouse)
            with self._file.writing(lasting=False) as db:
                checksums = {path: storage.checksum(path) for path in written}
                files.keep(db, self.warehouse, checksums)
            tables.written.clear()

    def merge(self, branch: str, *, run_id: str, message: str) -> Commit:
        self.secure(branch)
        with self._file.writing() as db:
            base = refs.branch_base(db, branch)
            if base is None:
                raise UnknownNameError(f"there is no branch {branch!r}")
            before, after, main = (
                history.places(db, base),
                refs.places(db, branch),
                refs.places(db, MAIN),
            )
            changed = refs.moves(before, after)
            moved = [name for name in changed if main.get(name) != before.get(name)]
            if moved:
                raise MergeConflictError(
                    f"main moved in {', '.join(moved)} since {branch} was made",
                    hint="run again: it starts from where main stands now",
                )
            commit = history.append(db, changed, run_id, message)
            refs.move_main(db, changed)
            refs.copy(db, "iceberg_namespace_properties", branch, MAIN)
            refs.forget(db, branch)
        return commit

    def rollback(self, ref: str, *, run_id: str, message: str) -> Commit:
        with self._file.writing() as db:
            target = history.places_of(db, self._commit(db, ref))
            changed = refs.moves(refs.places(db, MAIN), target)
            if not changed:
                return history.resolve(db, MAIN)
            commit = history.append(db, changed, run_id, message)
            refs.move_main(db, changed)
        return commit

    def expirable(self, before: datetime) -> list[Commit]:
        with self._file.reading() as db:
            return history.expirable(db, before)

    def expire(self, before: datetime) -> None:
        with self._file.writing() as db:
            history.expire(db, history.expirable(db, before))

    def needed(self, since: datetime) -> set[str]:
        with self._file.reading() as db:
            expired = {commit.sequence for commit in history.expirable(db, since)}
            rows = db.execute("SELECT metadata_location FROM iceberg_tables").fetchall()
            return history.needed(db, expired) | {row["metadata_location"] for row in rows}

    def _checksum(self, path: str) -> int | None:
        with self._file.reading() as db:
            return files.checksum(db, self.warehouse, Path(path))

    def table_folders(self) -> None:
        """Return None: nobody else writes to the warehouse of a home."""

    def checksums(self) -> dict[str, int]:
        with self._file.reading() as db:
            return files.checksums(db, self.warehouse)

    def forget_files(self, paths: Iterable[Path]) -> None:
        with self._file.writing() as db:
            files.forget(db, self.warehouse, paths)

    def location(self, table: str) -> str:
        return str(self.warehouse / table.replace(".", "/"))

    def files(self, ref: str, table: str, time_column: str | None = None) -> list[DataFile]:
        return iceberg.files(self._pyiceberg(ref).load_table(table), time_column)

    def write(self, branch: str, change: TableChange) -> StoredTable:
        with self._one_at_a_time:
            tables = self._pyiceberg(branch)
            tables.written.extend(change.add)
            return iceberg.write(tables, change, self.location(change.table))

    def adopt(self, branch: str, table: str) -> StoredTable:
        with self._one_at_a_time:
            return iceberg.adopt(self._pyiceberg(branch), table)

    def close(self) -> None:
        self._opened.clear()
        self._file.close()

    @cached_property
    def _opened(self) -> dict[str, SqliteTables]:
        return {}

    def _pyiceberg(self, ref: str) -> SqliteTables:
        from lakehouse.catalogs.sqlite_tables import SqliteTables

        if ref not in self._opened:
            writing = partial(self._file.writing, lasting=False)
            self._opened[ref] = SqliteTables(ref, self._file.reading, writing)
        return self._opened[ref]

    def _commit(self, db: sqlite3.Connection, ref: str) -> Commit:
        if refs.branch_base(db, ref) is not None:
            raise names.no_commit(ref)
        return history.resolve(db, ref)
