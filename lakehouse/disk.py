"""A disk that is full, which every library says in words of its own."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from lakehouse.config import Settings
from lakehouse.errors import PublishError, StorageError

_NUMBERS = {errno.ENOSPC, errno.EDQUOT}
_WORDS = ("no space left on device", "disk is full", "disk full", "quota exceeded")
"""Of the system, and of what passes its words on; of SQLite; of Postgres."""


_ROOM = 1_000_000
"""Bytes."""


class DiskFullError(StorageError):
    """There is no room for what has to be written."""


def explained(settings: Settings, error: Exception) -> DiskFullError | None:
    """That the disk is full, if that is the reason of an error.

    What failed is as it was before: the same command does the rest when there is room.
    """
    if isinstance(error, DiskFullError):
        return error
    chain = list(_chain(error))
    full = next((each for each in chain if _tells(each)), None)
    of_postgres = any(isinstance(each, PublishError) for each in chain)
    is_embedded = settings.postgres_url is None
    if full is None and not (of_postgres and is_embedded and _has_no_room(settings.home)):
        return None
    if of_postgres and not is_embedded:
        place = "the disk of the Postgres of the marts"
    else:
        place = f"the disk that holds {_place(full) or settings.home}"
    return DiskFullError(f"{place} is full", hint="free some space and run the same again")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those behind it, also where it hides them."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__context__, each.__cause__]


def _tells(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return True
    text = str(error).lower()
    return any(words in text for words in _WORDS)


def _has_no_room(folder: Path) -> bool:
    """Whether a Postgres in there may have ended without a word, unable to write its log."""
    return folder.exists() and shutil.disk_usage(folder).free < _ROOM


def _place(error: BaseException | None) -> Path | None:
    """The folder that could not be written to, where the system says it."""
    name = error.filename if isinstance(error, OSError) else None
    return Path(name).parent if isinstance(name, str) else None
