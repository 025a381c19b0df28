"""The home, the folder that everything is written to: its owner, its place, its format."""

from __future__ import annotations

import os
from pathlib import Path

from lakehouse import small_files, storage
from lakehouse.config import Settings
from lakehouse.errors import StorageError
from lakehouse.system import users

CATALOG = "catalog.db"
"""File of a home with the catalog of the local profile."""
_NO_TABLES = {"archive", "code", "leases", "runs", "staging"}
"""Folders of a warehouse that hold no tables; a run that was killed early may have made them."""
_FORMAT = 2
"""Version of the on-disk format of a home; raise it on an incompatible change."""
_ELSEWHERE = "set LAKEHOUSE_HOME to a folder that you may write to"
"""Hint for a home that cannot be written."""
_DEPTH = 4
"""Folders from a home down to a table's metadata: warehouse, schema, table, metadata."""


def prepare(settings: Settings) -> None:
    """Create the home if it is missing; only its owner can enter it. Raises StorageError."""
    home = settings.home
    _require_own(home)
    _require_no_folder_of_others(settings)
    try:
        new = [*storage.missing_folders(home), *storage.missing_folders(settings.warehouse)]
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        storage.make_folder(settings.warehouse)
        storage.sync_folders(folder.parent for folder in new)
    except OSError as error:
        raise StorageError(
            f"the home {home} cannot be made: {error.strerror}", hint=_ELSEWHERE
        ) from None
    if not os.access(home, os.W_OK):
        raise StorageError(f"the home {home} is not writable", hint=_ELSEWHERE)
    _require_known_format(home)


def require_in_place(home: Path, tables: str | None) -> None:
    """Raise StorageError if the home was copied or moved from elsewhere.

    `tables` is a metadata file that the catalog names outside the home, if any. Iceberg names files
    by absolute paths: the tables of a copy would still be read and written in the original.
    """
    if tables is None:
        return
    origin = Path(tables).parents[_DEPTH]
    if not origin.is_dir():
        hint = f"move it back to {origin}, or mount it there; or delete it and run again"
    elif origin.samefile(home):
        hint = f"it is the same folder by another name: set LAKEHOUSE_HOME={origin}"
    else:
        hint = f"use {origin} itself; or delete this copy and run again"
    raise StorageError(
        f"the home {home} was copied or moved here from {origin};"
        " its tables name absolute places and would be read and written there",
        hint=hint,
    )


def _require_own(home: Path) -> None:
    """Raise StorageError if another user owns the home, who could not use files that we write."""
    mark = _mark(home)
    # The folder of a mounted volume may be root's, for a group to use: then the mark file tells.
    marked = mark if mark.exists() or os.geteuid() != 0 else home
    if not marked.exists() or (owner := marked.stat().st_uid) == os.geteuid():
        return
    name = users.name(owner)
    raise StorageError(
        f"the home {home} belongs to the user {name}",
        hint=f"run as that user (sudo -u '{name}' …), or set LAKEHOUSE_HOME to a folder of yours",
    )


def _require_no_folder_of_others(settings: Settings) -> None:
    """Raise StorageError if a new home would take somebody's folder for its warehouse.

    What no table needs is removed there.
    """
    home, warehouse = settings.home, settings.warehouse
    if not storage.is_on_disk(warehouse) or _mark(home).exists() or (home / CATALOG).exists():
        return
    if {*storage.names(warehouse)} - _NO_TABLES:
        raise StorageError(
            f"{home} cannot become a home: {warehouse} holds something already",
            hint="set LAKEHOUSE_HOME to a folder that is empty, or that does not exist",
        )


def _require_known_format(home: Path) -> None:
    """Mark the home with this version's format. Raises StorageError if the home's is newer."""
    mark = _mark(home)
    written = small_files.read(mark, int) or 0
    if written < _FORMAT:
        # Older versions cannot read what is written from now on.
        storage.write(mark, f"{_FORMAT}\n")
    elif written > _FORMAT:
        raise StorageError(
            f"the home {home} is of a newer version of lakehouse"
            f" ({mark} says format {written}; this one knows {_FORMAT})",
            hint="use that version, or set LAKEHOUSE_HOME to another folder",
        )


def _mark(home: Path) -> Path:
    return home / "format"
