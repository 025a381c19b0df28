"""Folders for what outgrows DuckDB's memory: processes that share one read each other's rows."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from pathlib import Path


class Spill:
    """A folder that this process alone spills to, until it is closed.

    What processes left that are dead is removed.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        parent.chmod(0o700)  # an earlier version let others read in it
        for other in parent.iterdir():
            _remove_unless_held(other)
        self.folder, lock = _own(parent)
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


def _own(parent: Path) -> tuple[Path, int]:
    """A new folder, and the descriptor that holds its lock."""
    while True:
        folder = parent / secrets.token_hex(4)
        folder.mkdir(mode=0o700)
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.exists():  # nobody took it for a dead process's before it was held
            return folder, descriptor
        os.close(descriptor)


def _remove_unless_held(place: Path) -> None:
    if not place.is_dir():  # of an earlier version, whose processes shared one folder
        place.unlink(missing_ok=True)
        return
    try:
        descriptor = os.open(place, os.O_RDONLY)
    except FileNotFoundError:  # somebody was quicker
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(place, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
