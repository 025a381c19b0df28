"""Checks of how an ingestion learns what is new in its source: by windows, a cursor, or a whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from lakehouse.declare.argument_types import require_types
from lakehouse.declare.kinds import duration
from lakehouse.declare.requirements import require
from lakehouse.declare.soft_delete import SoftDelete
from lakehouse.declare.specs import FILE, SINCE, WINDOW, parameters


def lag_of(cursor: str | None, lag: str | int | timedelta) -> timedelta | int:
    """Return the `lag` of a cursor. Raises DeclarationError for one that no cursor has."""
    length = lag if isinstance(lag, int) else duration("lag", lag)
    require(
        not isinstance(length, int) or length >= 0,
        f"`lag` is how far before the newest value to read, 0 or more, got {lag!r}",
    )
    require(cursor is not None or not length, "`lag` needs a `cursor` to go by")
    return length


def require_way(function: Callable[..., Any], cursor: str | None, files: str | None) -> None:
    """Raise DeclarationError unless a function takes what its way to learn what is new gives."""
    require(cursor is None or files is None, "`files` and `cursor` are two ways: take one")
    require(files is None or (files or "").strip(), "`files` is a pattern, such as 'prices/*.csv'")
    given = parameters(function)
    ways = {
        "cursor": (cursor, SINCE, "the value to read from, or None for all"),
        "files": (files, FILE, "the path of the file to read"),
    }
    for argument, (value, name, meaning) in ways.items():
        if value is None:
            continue
        require(
            name in given,
            f"with `{argument}` the function takes `{name}`, {meaning}:"
            f" write `def {function.__name__}({name}, …)`",
        )
        require(
            WINDOW not in given,
            f"with `{argument}` the function is told what to read by `{name}`: take `{WINDOW}` out",
        )


def require_goes_by_windows(
    argument: str, time_column: str | None, cursor: str | None, files: str | None
) -> None:
    """Raise DeclarationError for an argument that has a meaning for windows alone."""
    require(time_column is not None, f"`{argument}` needs a `time_column` to go by")
    instead = ": write it as `lag`" if argument == "overlap" else ""
    require(cursor is None, f"`{argument}` goes by windows, and not by a `cursor`{instead}")
    require(files is None, f"`{argument}` goes by windows, and not by `files`")


def require_deletes(deletes: SoftDelete | str | None, cursor: str | None) -> None:
    """Raise DeclarationError for a way to learn of deleted rows that the ingestion cannot go."""
    if isinstance(deletes, SoftDelete):
        require_types(SoftDelete, vars(deletes))
    require(
        deletes != "window" or cursor is None,
        "`deletes` cannot be 'window' with a `cursor`: what changed does not say what is gone;"
        " write SoftDelete('deleted_at') for a column that says it",
    )
