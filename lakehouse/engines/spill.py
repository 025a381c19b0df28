"""Folders for rows that do not fit into DuckDB's memory, one for each process.

In a shared folder, processes would read each other's rows.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from lakehouse.system import file_locks

_OURS = re.compile("[0-9a-f]{8}|duckdb_temp.*")
"""Matches names of our folders, and of files of an earlier version, whose processes shared one."""


class Spill:
    """A folder that only this process spills to, until it is closed; a lock marks it as in use.

    Folders of processes that died are removed.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        parent.chmod(0o700)  # earlier versions made it readable for other users
        for other in parent.iterdir():
            if _OURS.fullmatch(other.name):
                _remove_unless_held(other)
        self.folder, lock = _make_folder(parent)
        self._lock: int | None = lock

    def close(self) -> None:
        """Remove the folder; closing again does nothing."""
        if self._lock is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    def __del__(self) -> None:
        if hasattr(self, "_lock"):
            self.close()


def _make_folder(parent: Path) -> tuple[Path, int]:
    """Make a folder and lock it; return it and the descriptor that holds the lock."""
    while True:
        folder = parent / secrets.token_hex(4)
        folder.mkdir(mode=0o700)
        descriptor = os.open(folder, os.O_RDONLY)
        file_locks.acquire(descriptor)
        if folder.exists():  # no other process removed it before it was locked
            return folder, descriptor
        os.close(descriptor)


def _remove_unless_held(place: Path) -> None:
    if not place.is_dir():
        place.unlink(missing_ok=True)
        return
    try:
        descriptor = os.open(place, os.O_RDONLY)
    except FileNotFoundError:  # another process removed it
        return
    try:
        if file_locks.try_acquire(descriptor):
            shutil.rmtree(place, ignore_errors=True)
    finally:
        os.close(descriptor)
