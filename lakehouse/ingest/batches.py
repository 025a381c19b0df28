"""Batches: the staged files of a fetch, in groups that are validated and merged at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse import storage

_BATCH_BYTES = 200_000_000
"""Bytes of staged Parquet that are merged at once."""
_FEW_BYTES = 8_000_000
"""Bytes of staged Parquet that are validated in memory, at most; they take 8 times as much."""


@dataclass
class Batch:
    """Staged files that are merged at once."""

    paths: list[str] = field(default_factory=list)
    bytes: int = 0
    """Size of all files."""

    @property
    def are_many(self) -> bool:
        """Whether there are more rows than are to lie in memory."""
        return self.bytes > _FEW_BYTES


def batches(paths: Iterable[str], folder: Path) -> list[Batch]:
    """Return the files in order, grouped into batches.

    A file is never divided; without files, there is one empty batch. `folder` is where the files
    are staged.
    """
    result = [Batch()]
    for path in paths:
        file_bytes = storage.beside(folder, path).stat().st_size
        if result[-1].paths and result[-1].bytes + file_bytes > _BATCH_BYTES:
            result.append(Batch())
        result[-1].paths.append(path)
        result[-1].bytes += file_bytes
    return result
