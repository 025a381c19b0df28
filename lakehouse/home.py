"""The home: the folder that everything is written to. Whose it is, where, and of which version."""

from __future__ import annotations

import os
from pathlib import Path

from lakehouse import documents, storage, users
from lakehouse.config import Settings
from lakehouse.errors import StorageError

_FORMAT = 2
"""Of what a home holds; grows when an older version could not read it any more."""
_ELSEWHERE = "set LAKEHOUSE_HOME to a folder that you may write to"
_DEPTH = 4
"""Folders of a home that a table's metadata lies in: warehouse, schema, table, metadata."""


def prepare(settings: Settings) -> None:
    """Make the home if it is not there; nobody but its owner enters it. Raises StorageError."""
    home = settings.home
    _require_own(home)
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
    """Refuse a home that was copied or moved; `tables` is a metadata file outside it, if any.

    Iceberg names files by absolute paths: what is written here would end up among files there.
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
    """Refuse what another user has made: files of ours in it would shut its owner out."""
    mark = _mark(home)
    # A volume belongs to root and is lent to a group: there, only what was written tells.
    marked = mark if mark.exists() or os.geteuid() != 0 else home
    if not marked.exists() or (owner := marked.stat().st_uid) == os.geteuid():
        return
    name = users.name(owner)
    raise StorageError(
        f"the home {home} belongs to the user {name}",
        hint=f"run as that user (sudo -u '{name}' …), or set LAKEHOUSE_HOME to a folder of yours",
    )


def _require_known_format(home: Path) -> None:
    """Refuse a home that a newer version has written, and mark a new or older one."""
    mark = _mark(home)
    written = documents.read(mark, int) or 0
    if written < _FORMAT:
        storage.write(mark, f"{_FORMAT}\n")  # an older version could not read what comes
    elif written > _FORMAT:
        raise StorageError(
            f"the home {home} is of a newer version of lakehouse"
            f" ({mark} says format {written}; this one knows {_FORMAT})",
            hint="use that version, or set LAKEHOUSE_HOME to another folder",
        )


def _mark(home: Path) -> Path:
    return home / "format"
