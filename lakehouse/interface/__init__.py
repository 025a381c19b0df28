"""The Python interface of a project, for notebooks and orchestrators; the commands use it, too."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from lakehouse import config
from lakehouse.interface.lakehouse import Lakehouse
from lakehouse.interface.selection import Selection

__all__ = ["Lakehouse", "Selection", "open"]


def open(path: str | PathLike[str] | None = None) -> Lakehouse:  # noqa: A001
    """Return the lakehouse of the project that a folder lies in; the working folder if left out.

    Raises ConfigError if neither the folder nor one above it has a `lakehouse.toml`, or if that is
    wrong.
    """
    return Lakehouse(config.load(Path(path) if path is not None else None))
