"""A PyIceberg catalog over the tables of one branch, whose metadata files SQLite names.

The rows are those of PyIceberg's own SqlCatalog, which can read them, too. SqlCatalog needs
SQLAlchemy, whose import alone takes as long as building two tables; here two statements suffice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any

from lakehouse.patches import pyiceberg_settings  # noqa: F401 - PyIceberg reads them at once

# isort: split

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import CommitTableResponse, Table

from lakehouse.patches.pyiceberg_avro import remember
from lakehouse.patches.pyiceberg_file_io import OneFileIO
from lakehouse.storage import readable

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.update import TableRequirement, TableUpdate

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]
_TABLE = "catalog_name = ? AND table_namespace = ? AND table_name = ?"


class _NotedFileIO(PyArrowFileIO):
    """Reads and writes files, and appends the address of each written one to a list."""

    def __init__(self, written: list[str]) -> None:
        super().__init__()
        self._written = written

    def new_output(self, location: str) -> PyArrowFile:
        self._written.append(location)
        return super().new_output(location)


class SqliteTables(OneFileIO, MetastoreCatalog, NoopCatalog):
    """A PyIceberg catalog with only the methods that PyIceberg's transactions call."""

    def __init__(self, branch: str, reading: Transaction, writing: Transaction) -> None:
        """`reading` opens a connection to the SQLite file, `writing` a transaction."""
        super().__init__(branch)
        remember()
        self.written: list[str] = []
        """Files of the branch that a power cut may still damage; the catalog adds data files."""
        self._io = _NotedFileIO(self.written)
        self._reading, self._writing = reading, writing
        self._loaded: dict[str, Table] = {}

    def load_table(self, identifier: str | tuple[str, ...]) -> Table:
        namespace, name = self.identifier_to_database_and_table(identifier)
        with self._reading() as db:
            row = db.execute(
                f"SELECT metadata_location FROM iceberg_tables WHERE {_TABLE}",
                (self.name, namespace, name),
            ).fetchone()
        if row is None:
            raise NoSuchTableError(f"Table does not exist: {namespace}.{name}")
        location = row["metadata_location"]
        if location not in self._loaded:
            with readable(location):
                metadata = FromInputFile.table_metadata(self._io.new_input(location))
            self._loaded[location] = Table((namespace, name), metadata, location, self._io, self)
        return self._loaded[location]

    def create_namespace_if_not_exists(
        self, namespace: str | tuple[str, ...], _: dict[str, Any] | None = None
    ) -> None:
        with self._writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO iceberg_namespace_properties"
                " VALUES (?, ?, 'exists', 'true')",
                (self.name, self.namespace_to_string(namespace)),
            )

    def drop_table(self, identifier: str | tuple[str, ...]) -> None:
        with self._writing() as db:
            db.execute(
                f"DELETE FROM iceberg_tables WHERE {_TABLE}",
                (self.name, *self.identifier_to_database_and_table(identifier)),
            )

    @staticmethod
    @cache
    def _empty_table_metadata() -> TableMetadata:
        """Return what a new table begins from, made once: its defaults take longest of all."""
        return MetastoreCatalog._empty_table_metadata()  # noqa: SLF001 - the method overridden

    def commit_table(
        self,
        table: Table,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> CommitTableResponse:
        """Write a metadata file and let the branch name it, unless the table moved meanwhile."""
        try:
            current = self.load_table(table.name())
        except NoSuchTableError:
            current = None
        staged = self._update_and_stage_table(current, table.name(), requirements, updates)
        location, before = staged.metadata_location, current and current.metadata_location
        self._write_metadata(staged.metadata, staged.io, location)
        with self._writing() as db:
            if before is None:
                statement = (
                    "INSERT OR IGNORE INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE')"
                )
                moved = db.execute(statement, (self.name, *table.name(), location))
            else:
                moved = db.execute(
                    "UPDATE iceberg_tables SET metadata_location = ?,"
                    f" previous_metadata_location = ? WHERE {_TABLE} AND metadata_location = ?",
                    (location, before, self.name, *table.name(), before),
                )
        if not moved.rowcount:
            raise CommitFailedException(f"{'.'.join(table.name())} was changed by another process")
        self._loaded[location] = Table(table.name(), staged.metadata, location, staged.io, self)
        self._loaded.pop(before or "", None)
        return CommitTableResponse.model_validate(
            {"metadata": staged.metadata, "metadata-location": location}
        )
