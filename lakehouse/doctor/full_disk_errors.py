"""Recognising that a disk is full, which every library reports in other words."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from lakehouse.config import Settings
from lakehouse.errors import (
    ConfigError,
    DeclarationError,
    LakehouseError,
    ProjectError,
    PublishError,
    QueryError,
    SourceError,
    StorageError,
    UnknownNameError,
)

_NUMBERS = {errno.ENOSPC, errno.EDQUOT}
_WORDS = ("no space left on device", "disk is full", "disk full", "quota exceeded")
"""Texts, in small letters, of the operating system, of SQLite and of Postgres."""
_OF_USERS = (ProjectError, DeclarationError, ConfigError, SourceError, UnknownNameError)
"""Errors of the project's code or of what users typed, whose text may say anything."""
_DUCKDB_REPEATS = re.compile(r"DuckDB: (?!IO Error|FATAL Error)")
_ROOM = 1_000_000
"""Free bytes below which an embedded Postgres counts as stopped by a full disk."""


class DiskFullError(StorageError):
    """A disk has no room for what has to be written."""


def explained(settings: Settings, error: Exception) -> DiskFullError | None:
    """Return an error that names the full disk if that is the reason of an error, else None.

    A command that failed so changed nothing: the same command, repeated, does the rest when there
    is room.
    """
    if isinstance(error, DiskFullError):
        return error
    chain = list(_chain(error))
    is_ours = not any(isinstance(link, _OF_USERS) for link in chain)
    full = next((link for link in chain if _is_full_disk(link, by_text=is_ours)), None)
    of_postgres = any(isinstance(link, PublishError) for link in chain)
    is_embedded = settings.postgres_url is None
    if full is None and not (of_postgres and is_embedded and _has_no_room(settings.home)):
        return None
    if of_postgres and not is_embedded:
        place = "the disk of the Postgres of the marts"
    else:
        place = f"the disk that holds {_place(full) or settings.home}"
    return DiskFullError(f"{place} is full", hint="free some space and run the same again")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all errors behind it, also those that `raise … from None` hides."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [link.__context__, link.__cause__]


def _is_full_disk(error: BaseException, *, by_text: bool) -> bool:
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return True
    if not by_text:
        return False
    # Our own advice may ask whether the disk is full, which does not tell that it is.
    text = error.message if isinstance(error, LakehouseError) else str(error)
    # DuckDB repeats parts of a statement in errors other than those of files.
    if isinstance(error, QueryError) and _DUCKDB_REPEATS.search(text):
        return False
    return any(words in text.lower() for words in _WORDS)


def _has_no_room(folder: Path) -> bool:
    """Return whether a Postgres in a folder may have stopped silently, unable to write its log."""
    return folder.exists() and shutil.disk_usage(folder).free < _ROOM


def _place(error: BaseException | None) -> Path | None:
    """Return the folder that could not be written to, if the operating system names it."""
    name = error.filename if isinstance(error, OSError) else None
    return Path(name).parent if isinstance(name, str) else None
