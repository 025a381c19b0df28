"""Locks of files, by which processes of one machine keep out of each other's way.

A lock belongs to the open file, so that two that are opened in one process exclude each other, too.
The system lets go of it when the file is closed, or when its process ends, however it does.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

Lockable: TypeAlias = IO[str] | int
"""An open file, or the descriptor of one or of a folder."""


def acquire(file: Lockable, *, shared: bool = False) -> None:
    """Wait for the lock, and take it; one that is `shared` excludes only those that are not."""
    fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_acquire(file: Lockable) -> bool:
    """Take the lock, and return True, unless others hold it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock of a file that is made for it, and hold it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with path.open("w") as file:
        acquire(file)
        yield
