"""Files of tables: those that refs need, and those that are stored."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import storage
from lakehouse.engines.sql import path_literal
from lakehouse.errors import StorageError
from lakehouse.plan.state import PROPERTY, TableState
from lakehouse.records import run_records
from lakehouse.storage import local

if TYPE_CHECKING:
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.session import Session

ARCHIVE = "archive"
"""Folder of a warehouse that archived rows move to by default."""
KINDS = ("data", "metadata")
"""Folders of a table."""
OWN = ("runs", "code", "leases")
"""Folders of a warehouse that hold the framework's files."""
_READERS = 8
"""Number of metadata files that are read at a time."""
_MADE_BY_NESSIE = re.compile(r"_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""End of the name of a folder for which Nessie found the place."""
_DELETED = 2
"""Status in a manifest of a file that the table no longer has."""
_UNIT = 1024
"""Bytes of a kB, and kB of a MB."""


@dataclass(frozen=True)
class StoredFile:
    """A file in the folder of a table."""

    table: str
    place: Path
    bytes: int
    modified: datetime
    folder: Path
    """The folder of the table."""

    @property
    def path(self) -> str:
        """The path of the file as manifests spell it."""
        return str(self.place)


def needed(session: Session, since: datetime) -> set[str]:
    """Return the files of main, of branches and tags, and of commits since a moment.

    Raises StorageError if a ref cannot be read: any file might be needed then.
    """
    warehouse, engine = session.settings.warehouse, session.duckdb
    metadata = [local(address) for address in session.catalog.needed(since)]
    with ThreadPoolExecutor(_READERS) as pool:
        named = list(pool.map(lambda path: list(_named(warehouse, path)), metadata))
    lists = {path for paths in named for path in paths if path.endswith(".avro")}
    manifests = _read(engine, "manifest_path", lists)
    data = _read(engine, "data_file.file_path", manifests, f"WHERE status <> {_DELETED}")
    paths = {*metadata, *(path for paths in named for path in paths), *manifests, *data}
    return {local(path) for path in paths}


def ours(session: Session, table_folders: Iterable[Path]) -> set[Path]:
    """Return the folders that may be cleaned: those of this lakehouse's tables and views.

    Others may keep tables in the same warehouse. A folder that no commit names is ours if a run of
    ours wrote its metadata, or if a killed process left it without metadata.
    """
    warehouse, folders = session.settings.warehouse, set(table_folders)
    known = session.catalog.table_folders()
    if known is None:
        return folders
    named = {str(storage.beside(warehouse, address)) for address in known}
    return {
        folder for folder in folders if str(folder) in named or _is_left_over(warehouse, folder)
    }


def _is_left_over(warehouse: Path, folder: Path) -> bool:
    metadata = sorted((folder / "metadata").glob("*.metadata.json"), key=str)
    if not metadata:
        return _MADE_BY_NESSIE.search(folder.name) is not None
    try:
        written = json.loads(metadata[-1].read_bytes())["properties"][PROPERTY]
        version = TableState.from_property(written).version
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return run_records.load(warehouse, version) is not None


def stored(warehouse: Path) -> Iterator[StoredFile]:
    """Yield the files in the folders of tables, but not those of the archive."""
    for folder in warehouse.glob("*/*"):
        for kind in KINDS if folder.parent.name != ARCHIVE else ():
            for place, size, modified in storage.files(folder / kind):
                table = f"{folder.parent.name}.{folder.name}"
                yield StoredFile(table, place, size, modified, folder)


def require_all(warehouse: Path, needed: Collection[str], listed: Iterable[StoredFile]) -> None:
    """Raise StorageError if a file that a ref needs is not among the stored files.

    Either it is lost, or the same file is named in two ways; in that case all files would seem
    unneeded, and would be removed.
    """
    if not storage.is_on_disk(warehouse):
        return
    lost = {*needed} - {file.path for file in listed}
    if lost:
        lost -= {file.path for file in stored(warehouse)}  # files written since the listing
    if lost:
        raise StorageError(
            f"refs need {len(lost)} files that are not in {warehouse}, such as {min(lost)}",
            hint="nothing was removed; run `doctor` to find the cause",
        )


def remove(unneeded: Iterable[StoredFile]) -> None:
    """Remove files, and folders that become empty."""
    for file in unneeded:
        file.place.unlink(missing_ok=True)
        storage.remove_empty(file.place.parent, below=KINDS)


def size(count: float) -> str:
    """Return a number of bytes as text with a unit, such as `1.5 GB`."""
    for unit in ("B", "kB", "MB"):
        if count < _UNIT:
            return f"{count:.0f} {unit}"
        count /= _UNIT
    return f"{count:.1f} GB"


def _named(warehouse: Path, metadata: str) -> Iterator[str]:
    """Yield the manifest list and statistics files that a metadata file names."""
    try:
        document = json.loads(storage.beside(warehouse, metadata).read_bytes())
    except FileNotFoundError:
        raise StorageError(
            f"a ref names the metadata {metadata}, which is not there",
            hint="nothing was removed; run `doctor` to find the cause",
        ) from None
    current = document.get("current-snapshot-id")
    for snapshot in document.get("snapshots", ()):
        if snapshot["snapshot-id"] == current:
            yield snapshot["manifest-list"]
    for statistics in (*document.get("statistics", ()), *document.get("partition-statistics", ())):
        yield statistics["statistics-path"]


def _read(engine: DuckDB, column: str, paths: Iterable[str], condition: str = "") -> set[str]:
    """Return the values of one column of several Avro files."""
    listed = ", ".join(path_literal(local(path)) for path in sorted(paths))
    if not listed:
        return set()
    manifests = f"read_avro([{listed}], hive_partitioning = false)"
    sql = f"SELECT DISTINCT {column} FROM {manifests} {condition}"
    return {path for (path,) in engine.execute(sql).fetchall()}
