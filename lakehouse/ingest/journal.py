"""Journals: which pieces of a fetch are staged, so that a run that was cut short can be resumed.

A piece is noted when its files are on the disk, with a checksum of each. What a power cut or
another program damaged all the same is as if it had not been fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lakehouse import documents, storage, windows
from lakehouse.windows import Window


class Journal:
    """The staged pieces of one request: a line of JSON each, after a line that says for what."""

    def __init__(self, path: Path, request: str) -> None:
        """`path` is a file in a folder of its own in the staging area of a warehouse."""
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
            file.write("\n")  # the last line may be cut, and is not to be continued

    def find(self, name: str, window: Window) -> tuple[list[str], int] | None:
        """The files and the rows of a piece, if it is staged."""
        return self._known.get((name, window))

    def add(self, name: str, window: Window, paths: Sequence[str], rows: int) -> None:
        """Note that a piece is staged."""
        warehouse = self.path.parents[2]
        storage.sync((storage.beside(warehouse, path) for path in paths), warehouse)
        self._known[name, window] = (list(paths), rows)
        piece = windows.to_json([window])[0]
        self._write([name, piece, list(paths), rows, *map(self._checksum, paths)])

    def close(self) -> None:
        """Forget the pieces: they have reached main."""
        self.path.unlink(missing_ok=True)

    def _write(self, line: list[Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _checksum(self, path: str) -> int | None:
        return storage.checksum(storage.beside(self.path, path))


def unfinished(staging: Path, request: str) -> Iterator[Path]:
    """The journals of earlier runs of the same request that did not end, newest first."""
    for path in sorted(staging.glob("*/journal.jsonl"), reverse=True):
        if _lines(path)[:1] == [[request]]:
            yield path


def _lines(path: Path) -> list[list[Any]]:
    """The line that says for what, and those of pieces; one that is damaged is left out."""
    return documents.read(path, _parse) or []


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
