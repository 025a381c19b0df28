"""The embedded catalog: the tables of PyIceberg's SqlCatalog in SQLite, with branches and a log.

SqlCatalog keys each row by a catalog name. Here that name is the branch: a branch is a copy of
main's rows under another name, and a merge replaces main's rows in one SQLite transaction. What
a merge changed is logged beside it, so that each commit stays readable.
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import clock, storage
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
from lakehouse.catalogs.intact import require_intact
from lakehouse.errors import MergeConflictError, StorageError, UnknownNameError

if TYPE_CHECKING:
    from lakehouse.catalogs.sqlite_tables import SqliteTables

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000),
    previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL,
    property_key VARCHAR(255) NOT NULL, property_value VARCHAR(1000) NOT NULL,
    PRIMARY KEY (catalog_name, namespace, property_key));
CREATE TABLE IF NOT EXISTS lakehouse_branches (
    name TEXT PRIMARY KEY, base INTEGER NOT NULL, created_at TEXT NOT NULL);
{history.SCHEMA}{files.SCHEMA}"""
_BUSY_SECONDS = 30.0
_CURE = (
    "put a copy of it back if you have one; if not, delete the home: `backfill` fetches what the"
    " source still has"
)


class SqliteCatalog:
    """Refs and tables of the local profile; implements `Catalog`."""

    def __init__(self, path: Path, warehouse: Path) -> None:
        """`path` is the SQLite file, `warehouse` the folder that holds the tables."""
        self.path = path
        self.warehouse = warehouse
        self._intact: set[str] = set()
        """The metadata that was looked at: no file is ever written twice."""
        self._one_at_a_time = threading.Lock()
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []
        weakref.finalize(self, _close, self._connections)

    def elsewhere(self) -> str | None:
        """A metadata file of a table that lies outside the warehouse, if there is one."""
        if not self.path.exists():
            return None
        with self._reading() as db:
            rows = db.execute("SELECT metadata_location FROM iceberg_tables").fetchall()
        places = (iceberg.local(row["metadata_location"]) for row in rows)
        inside = f"{self.warehouse}/"
        return next((place for place in places if not place.startswith(inside)), None)

    def head(self) -> Commit | None:
        commits = self.log(limit=1)
        return commits[0] if commits else None

    def log(self, limit: int | None = None) -> list[Commit]:
        with self._reading() as db:
            return history.log(db, limit)

    def commit(self, ref: str) -> Commit:
        with self._reading() as db:
            return self._commit(db, ref)

    def made_by(self, run_id: str) -> Commit | None:
        with self._reading() as db:
            return history.made_by(db, run_id)

    def at(self, moment: datetime) -> Commit:
        with self._reading() as db:
            return history.at(db, moment)

    def tags(self) -> dict[str, str]:
        with self._reading() as db:
            return history.tags(db)

    def tag(self, name: str, ref: str) -> Commit:
        with self._writing() as db:
            if self._branch_base(db, name) is not None:
                raise names.is_a_branch(name)
            commit = self._commit(db, ref)
            names.require_readable(commit)
            history.tag(db, name, commit)
        return commit

    def drop_tag(self, name: str) -> None:
        with self._writing() as db:
            history.drop_tag(db, name)

    def tables(self, ref: str) -> dict[str, StoredTable]:
        places = self.places(ref)
        return {name: self._table(name, place, ref) for name, place in sorted(places.items())}

    def _table(self, name: str, metadata: str, ref: str) -> StoredTable:
        stored = iceberg.read(name, metadata, Path(iceberg.local(metadata)), ref)
        if metadata not in self._intact:
            require_intact(name, metadata, self._checksum)
            self._intact.add(metadata)
        return stored

    def places(self, ref: str) -> dict[str, str]:
        with self._reading() as db:
            if ref == MAIN or self._branch_base(db, ref) is not None:
                return _places(db, ref)
            return history.places_of(db, history.resolve(db, ref))

    def branches(self) -> list[Branch]:
        with self._reading() as db:
            rows = db.execute(
                "SELECT b.name, b.created_at, k.id AS base FROM lakehouse_branches b"
                " LEFT JOIN lakehouse_commits k ON k.sequence = b.base ORDER BY b.created_at"
            ).fetchall()
        return [
            Branch(row["name"], row["base"] or "", datetime.fromisoformat(row["created_at"]))
            for row in rows
        ]

    def create_branch(self, name: str) -> None:
        with self._writing(lasting=False) as db:
            (base,) = db.execute("SELECT coalesce(max(sequence), 0) FROM lakehouse_commits")
            db.execute(
                "INSERT INTO lakehouse_branches VALUES (?, ?, ?)",
                (name, base[0], clock.now().isoformat()),
            )
            for table in ("iceberg_tables", "iceberg_namespace_properties"):
                _copy(db, table, MAIN, name)

    def drop_branch(self, name: str) -> None:
        with self._writing() as db:
            _forget(db, name)

    def secure(self, branch: str) -> None:
        tables = self._opened.get(branch)
        if tables is not None and tables.written:
            written = [Path(iceberg.local(address)) for address in tables.written]
            storage.sync(written, self.warehouse)
            with self._writing(lasting=False) as db:
                checksums = {path: storage.checksum(path) for path in written}
                files.keep(db, self.warehouse, checksums)
            tables.written.clear()

    def merge(self, branch: str, *, run_id: str, message: str) -> Commit:
        self.secure(branch)
        with self._writing() as db:
            base = self._branch_base(db, branch)
            if base is None:
                raise UnknownNameError(f"there is no branch {branch!r}")
            before, after, main = history.places(db, base), _places(db, branch), _places(db, MAIN)
            changed = _moves(before, after)
            moved = [name for name in changed if main.get(name) != before.get(name)]
            if moved:
                raise MergeConflictError(
                    f"main moved in {', '.join(moved)} since {branch} was made",
                    hint="run again: it starts from where main stands now",
                )
            commit = history.append(db, changed, run_id, message)
            _move_main(db, changed)
            _copy(db, "iceberg_namespace_properties", branch, MAIN)
            _forget(db, branch)
        return commit

    def rollback(self, ref: str, *, run_id: str, message: str) -> Commit:
        with self._writing() as db:
            target = history.places_of(db, self._commit(db, ref))
            changed = _moves(_places(db, MAIN), target)
            if not changed:
                return history.resolve(db, MAIN)
            commit = history.append(db, changed, run_id, message)
            _move_main(db, changed)
        return commit

    def expirable(self, before: datetime) -> list[Commit]:
        with self._reading() as db:
            return history.expirable(db, before)

    def expire(self, before: datetime) -> None:
        with self._writing() as db:
            history.expire(db, history.expirable(db, before))

    def needed(self, since: datetime) -> set[str]:
        with self._reading() as db:
            gone = {commit.sequence for commit in history.expirable(db, since)}
            rows = db.execute("SELECT metadata_location FROM iceberg_tables").fetchall()
            return history.needed(db, gone) | {row["metadata_location"] for row in rows}

    def _checksum(self, path: str) -> int | None:
        with self._reading() as db:
            return files.checksum(db, self.warehouse, Path(path))

    def checksums(self) -> dict[str, int]:
        with self._reading() as db:
            return files.checksums(db, self.warehouse)

    def forget_files(self, paths: Iterable[Path]) -> None:
        with self._writing() as db:
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
        self._own = threading.local()  # a thread that asks again has a new connection
        if not self._connections:
            return
        with ExitStack() as last:
            # Closing the last connection that may write brings the log of writes into the file,
            # which takes 10 ms; SQLite does that for many commits at a time, if it is left to it.
            with suppress(sqlite3.Error):
                address = f"{self.path.as_uri()}?mode=ro"
                reader = last.enter_context(closing(sqlite3.connect(address, uri=True)))
                reader.execute("SELECT 1 FROM sqlite_master").fetchone()
            _close(self._connections)

    @cached_property
    def _opened(self) -> dict[str, SqliteTables]:
        return {}

    def _pyiceberg(self, ref: str) -> SqliteTables:
        from lakehouse.catalogs.sqlite_tables import SqliteTables

        if ref not in self._opened:
            writing = partial(self._writing, lasting=False)
            self._opened[ref] = SqliteTables(ref, self._reading, writing)
        return self._opened[ref]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The thread's connection, which stays open until all are closed."""
        with self._explained():
            if not hasattr(self._own, "connection"):
                self._own.connection = self._connect()
            yield self._own.connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What SQLite cannot read, or what it reads and nobody wrote, in a line."""
        try:
            yield
        except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
            raise
        except (sqlite3.OperationalError, OSError) as error:
            raise StorageError(
                f"the catalog {self.path} cannot be used: {error}",
                hint="is there space, may you write there, and does no other process hold it?",
            ) from error
        except (sqlite3.DatabaseError, ValueError, TypeError, AttributeError) as error:
            raise StorageError(
                f"the catalog {self.path} is damaged: {error}", hint=_CURE
            ) from error

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path.exists():
            with self._setting_up():
                self.path.touch(mode=0o600)  # SQLite would let others read it
        db = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        db.row_factory = sqlite3.Row
        self._connections.append(db)
        if not _is_ready(db):
            self._make_ready(db)
        return db

    def _make_ready(self, db: sqlite3.Connection) -> None:
        """Set a new file up; SQLite does not wait for the journal."""
        with self._setting_up():
            if not _is_ready(db):
                if not _knows(db, "lakehouse_commits"):
                    self._require_no_tables()
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    def _require_no_tables(self) -> None:
        """Refuse to begin anew beside tables that a lost catalog named: main would lack them."""
        if any(self.warehouse.glob("*/*/metadata")):
            raise StorageError(
                f"the catalog {self.path} is lost or empty, but {self.warehouse} holds tables",
                hint=_CURE,
            )

    @contextmanager
    def _setting_up(self) -> Iterator[None]:
        """One process at a time."""
        place = self.path.with_suffix(".lock")
        place.touch(mode=0o600)
        with place.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _writing(self, *, lasting: bool = True) -> Iterator[sqlite3.Connection]:
        """One SQLite transaction that no other process can interleave with.

        A `lasting` one survives a power cut when this ends, and with it whatever was written
        before. Another, which is about a branch, spares the disk a wait; it is whole or lost.
        """
        with self._reading() as db:
            db.execute(f"PRAGMA synchronous = {'FULL' if lasting else 'NORMAL'}")
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:  # a signal may come between any two lines
                    db.execute("ROLLBACK")

    def _commit(self, db: sqlite3.Connection, ref: str) -> Commit:
        if self._branch_base(db, ref) is not None:
            raise names.no_commit(ref)
        return history.resolve(db, ref)

    @staticmethod
    def _branch_base(db: sqlite3.Connection, name: str) -> int | None:
        row = db.execute("SELECT base FROM lakehouse_branches WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row["base"])


def _close(connections: list[sqlite3.Connection]) -> None:
    with ExitStack() as closing_all:
        while connections:
            closing_all.callback(connections.pop().close)


def _is_ready(db: sqlite3.Connection) -> bool:
    """Whether the file has all that this version needs."""
    return _knows(db, history.NEWEST) and _knows(db, "lakehouse_files")


def _knows(db: sqlite3.Connection, name: str) -> bool:
    known = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,))
    return known.fetchone() is not None


def _places(db: sqlite3.Connection, ref: str) -> dict[str, str]:
    """Where each table of main or a branch has its metadata."""
    rows = db.execute(
        "SELECT table_namespace || '.' || table_name AS name, metadata_location AS place"
        " FROM iceberg_tables WHERE catalog_name = ?",
        (ref,),
    )
    return {row["name"]: row["place"] for row in rows}


def _moves(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """The tables that differ, with the metadata that they have afterwards."""
    return {
        name: after.get(name)
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }


def _move_main(db: sqlite3.Connection, changed: Mapping[str, str | None]) -> None:
    for name, place in changed.items():
        namespace, table = name.split(".")
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


def _copy(db: sqlite3.Connection, table: str, source: str, target: str) -> None:
    columns = [row["name"] for row in db.execute(f"PRAGMA table_info({table})")][1:]
    listed = ", ".join(columns)
    db.execute(
        f"INSERT OR IGNORE INTO {table} SELECT ?, {listed} FROM {table} WHERE catalog_name = ?",
        (target, source),
    )


def _forget(db: sqlite3.Connection, branch: str) -> None:
    for table in ("iceberg_tables", "iceberg_namespace_properties"):
        db.execute(f"DELETE FROM {table} WHERE catalog_name = ?", (branch,))
    db.execute("DELETE FROM lakehouse_branches WHERE name = ?", (branch,))
