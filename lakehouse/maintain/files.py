"""The files of tables: which ones refs need, and which ones are there."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import storage
from lakehouse.catalogs.iceberg import local
from lakehouse.engines.sql import path_text
from lakehouse.errors import StorageError

if TYPE_CHECKING:
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.session import Session

ARCHIVE = "archive"
"""The folder of a warehouse that archived rows move to."""
KINDS = ("data", "metadata")
"""The folders of a table."""
OWN = ("runs", "code", "leases")
"""The folders of a warehouse that hold files of the framework's own."""
_READERS = 8
_DELETED = 2
"""The status that a manifest gives a file that is no longer the table's."""
_UNIT = 1024


@dataclass(frozen=True)
class Found:
    """A file in the folder of a table."""

    table: str
    place: Path
    bytes: int
    modified: datetime

    @property
    def path(self) -> str:
        """The file as manifests name it."""
        return str(self.place)


def needed(session: Session, since: datetime) -> set[str]:
    """The files of main, of branches and tags, and of the commits that are kept.

    Raises StorageError if a ref cannot be read: then nothing is known to be unneeded.
    """
    warehouse, engine = session.settings.warehouse, session.duckdb
    metadata = [local(address) for address in session.catalog.needed(since)]
    with ThreadPoolExecutor(_READERS) as pool:
        named = list(pool.map(lambda path: list(_named(warehouse, path)), metadata))
    lists = {path for paths in named for path in paths if path.endswith(".avro")}
    manifests = _read(engine, "manifest_path", lists)
    data = _read(engine, "data_file.file_path", manifests, f"WHERE status <> {_DELETED}")
    found = {*metadata, *(path for paths in named for path in paths), *manifests, *data}
    return {local(path) for path in found}


def stored(warehouse: Path) -> Iterator[Found]:
    """The files in the folders of tables."""
    for folder in warehouse.glob("*/*"):
        for kind in KINDS if folder.parent.name != ARCHIVE else ():
            for place, size, modified in storage.files(folder / kind):
                yield Found(f"{folder.parent.name}.{folder.name}", place, size, modified)


def require_all(warehouse: Path, needed: Collection[str], listed: Iterable[Found]) -> None:
    """Refuse to go on if a file is not found by the name that a ref has for it.

    It is damaged, or names are compared that differ for the same file: then every file would seem
    to be needed by nobody. Raises StorageError.
    """
    if not storage.is_on_disk(warehouse):
        return
    lost = {*needed} - {found.path for found in listed}
    if lost:
        lost -= {found.path for found in stored(warehouse)}  # written since they were listed
    if lost:
        raise StorageError(
            f"refs need {len(lost)} files that are not in {warehouse}, such as {min(lost)}",
            hint="nothing was removed; `doctor` looks closer",
        )


def remove(unneeded: Iterable[Found]) -> None:
    """Remove files, and the folders that are empty without them."""
    for found in unneeded:
        found.place.unlink(missing_ok=True)
        storage.remove_empty(found.place.parent, below=KINDS)


def size(count: float) -> str:
    """So many bytes, as people say it."""
    for unit in ("B", "kB", "MB"):
        if count < _UNIT:
            return f"{count:.0f} {unit}"
        count /= _UNIT
    return f"{count:.1f} GB"


def _named(warehouse: Path, metadata: str) -> Iterator[str]:
    """What a metadata file names of the state that it describes."""
    try:
        document = json.loads(storage.beside(warehouse, metadata).read_bytes())
    except FileNotFoundError:
        raise StorageError(
            f"a ref names the metadata {metadata}, which is not there",
            hint="nothing was removed; `doctor` looks closer",
        ) from None
    current = document.get("current-snapshot-id")
    for snapshot in document.get("snapshots", ()):
        if snapshot["snapshot-id"] == current:
            yield snapshot["manifest-list"]
    for statistics in (*document.get("statistics", ()), *document.get("partition-statistics", ())):
        yield statistics["statistics-path"]


def _read(engine: DuckDB, column: str, paths: Iterable[str], condition: str = "") -> set[str]:
    """One column of several Avro files."""
    listed = ", ".join(path_text(local(path)) for path in sorted(paths))
    if not listed:
        return set()
    manifests = f"read_avro([{listed}], hive_partitioning = false)"
    sql = f"SELECT DISTINCT {column} FROM {manifests} {condition}"
    return {path for (path,) in engine.execute(sql).fetchall()}
