"""Small files of the home: readable by their owner alone, and whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write the file in one step, also if the process is killed or another one writes it too."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, writing = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".writing", dir=path.parent)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            opened.write(text)
        Path(writing).replace(path)
    except BaseException:
        Path(writing).unlink()
        raise
