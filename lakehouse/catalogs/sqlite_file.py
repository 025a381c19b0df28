"""The SQLite file of the local catalog: its connections, its transactions and its creation."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path

from lakehouse.catalogs import sqlite_files as files
from lakehouse.catalogs import sqlite_history as history
from lakehouse.errors import StorageError
from lakehouse.system import file_locks

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
"""Seconds to wait for a transaction of another process."""
_CURE = (
    "put a copy of it back if you have one; if not, delete the home: `backfill` fetches what the"
    " source still has"
)


class SqliteFile:
    """A SQLite file, with a connection for each thread that uses it."""

    def __init__(self, path: Path, warehouse: Path) -> None:
        """`path` is the SQLite file, `warehouse` the folder that holds the tables."""
        self.path = path
        self.warehouse = warehouse
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []
        weakref.finalize(self, _close, self._connections)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection of the calling thread, which stays open until `close`."""
        with self._explained():
            if not hasattr(self._own, "connection"):
                self._own.connection = self._connect()
            yield self._own.connection

    @contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[sqlite3.Connection]:
        """Open a SQLite transaction for writing, during which no other process can write.

        Once it has ended, a `lasting` one survives a power cut, with all transactions before it.
        One that is not lasting, for changes of a branch, does not wait for the disk: a power cut
        undoes all of it or nothing.
        """
        with self.reading() as db:
            db.execute(f"PRAGMA synchronous = {'FULL' if lasting else 'NORMAL'}")
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:  # a signal may come between any two lines
                    db.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connections of all threads; a later use opens new ones."""
        self._own = threading.local()
        if not self._connections:
            return
        with ExitStack() as last:
            # SQLite copies the write-ahead log into the file when the last connection that may
            # write is closed, which takes 10 ms. As a read-only connection is open until then, it
            # does so later instead, for many commits at a time.
            with suppress(sqlite3.Error):
                address = f"{self.path.as_uri()}?mode=ro"
                reader = last.enter_context(closing(sqlite3.connect(address, uri=True)))
                reader.execute("SELECT 1 FROM sqlite_master").fetchone()
            _close(self._connections)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the errors of a file that cannot be used, or is damaged, into a StorageError."""
        try:
            yield
        except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
            raise
        except (sqlite3.OperationalError, OSError) as error:
            raise StorageError(
                f"the catalog {self.path} cannot be used: {error}",
                hint=_advice(error, self.path),
            ) from error
        except (sqlite3.DatabaseError, ValueError, TypeError, AttributeError) as error:
            raise StorageError(
                f"the catalog {self.path} is damaged: {error}", hint=_CURE
            ) from error

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path.exists():
            with self._setting_up():
                self.path.touch(mode=0o600)  # SQLite would create it readable for other users
        db = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        db.row_factory = sqlite3.Row
        self._connections.append(db)
        if not _is_ready(db):
            self._make_ready(db)
        return db

    def _make_ready(self, db: sqlite3.Connection) -> None:
        """Create the tables of a file that lacks some, and its journal, one process at a time.

        SQLite itself would fail instead of waiting where two processes set the journal mode.
        """
        with self._setting_up():
            if not _is_ready(db):
                if not _has(db, "lakehouse_commits"):
                    self._require_no_tables()
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    def _require_no_tables(self) -> None:
        """Raise StorageError if the warehouse holds tables: a new catalog would not name them."""
        if any(self.warehouse.glob("*/*/metadata")):
            raise StorageError(
                f"the catalog {self.path} is lost or empty, but {self.warehouse} holds tables",
                hint=_CURE,
            )

    def _setting_up(self) -> AbstractContextManager[None]:
        """Hold the lock under which one process at a time creates the file."""
        return file_locks.locked(self.path.with_suffix(".lock"))


def _close(connections: list[sqlite3.Connection]) -> None:
    with ExitStack() as stack:
        while connections:
            stack.callback(connections.pop().close)


def _is_ready(db: sqlite3.Connection) -> bool:
    """Return whether the file has every table and index that this version needs."""
    return _has(db, history.NEWEST) and _has(db, "lakehouse_files")


def _has(db: sqlite3.Connection, name: str) -> bool:
    rows = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,))
    return rows.fetchone() is not None


def _advice(error: Exception, path: Path) -> str:
    """What to do about a file that SQLite cannot use, from what it says."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return "another process holds it: run the same again when that has ended"
    if "full" in text:
        return "free some space and run the same again"
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        return f"this user may not write there: change the rights of {path.parent}"
    return "`lakehouse doctor` examines the home"
