"""Journals: lists of the staged pieces of a fetch, so that an interrupted run can be resumed.

A piece is noted when its files are on the disk, with a checksum of each. Pieces whose files were
damaged later, by a power cut or another program, are fetched again, and so are those in which a key
could not be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from lakehouse import small_files, storage, windows
from lakehouse.ingest.piece import Piece
from lakehouse.system import clock
from lakehouse.windows import Window


class Journal:
    """The staged pieces of one request: a JSON line with the request, then one for each piece."""

    def __init__(self, path: Path, request: str) -> None:
        """Open the journal at `path`, a file in its own folder of a warehouse's staging area."""
        self.path = path
        self._known: dict[tuple[str, Window], Piece] = {}
        if not path.exists():
            storage.make_folder(path.parent)
            self._write([request])
            return
        latest = clock.now()  # the clock may have been ahead when the source was asked
        for name, piece, paths, rows, sums, asked_at, is_whole in _lines(path)[1:]:
            if is_whole and [*map(self._checksum, paths)] == sums:
                window, asked = windows.from_json([piece])[0], datetime.fromisoformat(asked_at)
                kept = Piece(window, tuple(paths), rows, min(asked, latest), is_kept=True)
                self._known[name, window] = kept
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")  # ends the last line, which may be incomplete after a crash

    def find(self, name: str, window: Window, *, own: bool = False) -> Piece | None:
        """Return the piece of a window; None if it is not staged, or not by this run (`own`)."""
        piece = self._known.get((name, window))
        return None if piece is not None and own and piece.is_kept else piece

    def add(self, name: str, piece: Piece) -> None:
        """Flush the files of a piece to the disk, then note that it is staged."""
        warehouse, paths = self.path.parents[2], piece.paths
        storage.sync((storage.beside(warehouse, path) for path in paths), warehouse)
        self._known[name, piece.window] = piece
        window, sums = windows.to_json([piece.window])[0], [*map(self._checksum, paths)]
        asked_at = piece.asked_at.isoformat()
        self._write([name, window, [*paths], piece.rows, sums, asked_at, not piece.unread])

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
        with suppress(ValueError, TypeError):  # damaged, or of a version that noted less
            name, piece, paths, rows, sums, asked_at, is_whole = json.loads(line)
            windows.from_json([piece])
            datetime.fromisoformat(asked_at)
            pieces.append([name, piece, [*map(str, paths)], int(rows), sums, asked_at, is_whole])
    return [[request], *pieces]
