"""Journals: lists of the staged pieces of a fetch, so that an interrupted run can be resumed.

A piece is noted when its files are on the disk, with a checksum of each. Pieces whose files were
damaged later, by a power cut or another program, are fetched again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lakehouse import small_files, storage, windows
from lakehouse.windows import Window


class Journal:
    """The staged pieces of one request: a JSON line with the request, then one for each piece."""

    def __init__(self, path: Path, request: str) -> None:
        """Open the journal at `path`, a file in its own folder of a warehouse's staging area."""
        self.path = path
        self._known: dict[tuple[str, Window], tuple[list[str], int]] = {}
        if not path.exists():
            storage.make_folder(path.parent)
            self._write([request])
            return
        for name, piece, paths, rows, *sums in _lines(path)[1:]:
            if [*map(self._checksum, paths)] == sums:
                self._known[name, windows.from_json([piece])[0]] = (paths, rows)
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")  # ends the last line, which may be incomplete after a crash

    def find(self, name: str, window: Window) -> tuple[list[str], int] | None:
        """Return the files and the number of rows of a piece; None if it is not staged."""
        return self._known.get((name, window))

    def add(self, name: str, window: Window, paths: Sequence[str], rows: int) -> None:
        """Flush the files of a piece to the disk, then note that it is staged."""
        warehouse = self.path.parents[2]
        storage.sync((storage.beside(warehouse, path) for path in paths), warehouse)
        self._known[name, window] = (list(paths), rows)
        piece = windows.to_json([window])[0]
        self._write([name, piece, list(paths), rows, *map(self._checksum, paths)])

    def close(self) -> None:
        """Remove the journal: the pieces have been merged into main."""
        self.path.unlink(missing_ok=True)

    def _write(self, line: list[Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _checksum(self, path: str) -> int | None:
        return storage.checksum(storage.beside(self.path, path))


def unfinished(staging: Path, request: str) -> Iterator[Path]:
    """Yield the journals of earlier runs of the same request that did not end, newest first."""
    for path in sorted(staging.glob("*/journal.jsonl"), reverse=True):
        if _lines(path)[:1] == [[request]]:
            yield path


def _lines(path: Path) -> list[list[Any]]:
    """Return the line of the request and those of pieces, without damaged lines."""
    return small_files.read(path, _parse) or []


def _parse(raw: bytes) -> list[list[Any]]:
    first, *others = raw.decode(errors="replace").splitlines()
    (request,) = json.loads(first)
    pieces = []
    for line in others:
        with suppress(ValueError, TypeError):
            name, piece, paths, rows, *sums = json.loads(line)
            windows.from_json([piece])
            pieces.append([name, piece, [*map(str, paths)], int(rows), *sums])
    return [[request], *pieces]
