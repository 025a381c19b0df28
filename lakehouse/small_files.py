"""Small files that a home can do without: records, caches and notes.

A power cut, a full disk or another program may leave one cut, empty or foreign. No command fails
because of that: it warns, and goes on as if the file were not there.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lakehouse.errors import DamagedFileWarning

Content = TypeVar("Content")


def read(place: Path, parse: Callable[[bytes], Content]) -> Content | None:
    """Return what `parse` makes of a file; None if the file is missing or damaged.

    Any error that `parse` raises means that the file is damaged, which causes a warning.
    """
    try:
        raw = place.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not isinstance(place, Path):  # trouble with a server is no damage of a file
            raise
        _pass_over(place, error.strerror or type(error).__name__)
        return None
    try:
        return parse(raw)
    except Exception:  # noqa: BLE001 - a damaged file may hold anything
        _pass_over(place, "it is not what was written" if raw else "it is empty")
        return None


def _pass_over(place: Path, reason: str) -> None:
    message = f"{place} is damaged and passed over ({reason}); delete it, it is not needed"
    warnings.warn(message, DamagedFileWarning, stacklevel=3)
