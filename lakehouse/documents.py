"""Small files that a home can do without: records, caches and notes.

A power cut, a full disk or another program may leave one cut, empty or foreign. No command fails
over it: whoever reads it is warned, and goes on as if it were not there.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lakehouse.errors import DamagedFileWarning

Content = TypeVar("Content")


def read(place: Path, parse: Callable[[bytes], Content]) -> Content | None:
    """What `parse` makes of a file; None if there is none, or if it is damaged.

    Whatever `parse` raises means that the file is damaged, which is told as a warning.
    """
    try:
        raw = place.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not isinstance(place, Path):  # a server's trouble is no file's
            raise
        _pass_over(place, error.strerror or type(error).__name__)
        return None
    try:
        return parse(raw)
    except Exception:  # noqa: BLE001 - there may be anything in it
        _pass_over(place, "it is not what was written" if raw else "it is empty")
        return None


def _pass_over(place: Path, reason: str) -> None:
    message = f"{place} is damaged and passed over ({reason}); delete it, it is not needed"
    warnings.warn(message, DamagedFileWarning, stacklevel=3)
