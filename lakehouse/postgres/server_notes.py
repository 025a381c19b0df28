"""The file `postmaster.pid`, in which a Postgres notes its process, its socket and its status."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 100
"""Bytes that the path of a socket may have, a little below the system's limit."""
_LINE_OF_SOCKET, _LINE_OF_STATUS = 4, 7
"""Line numbers in postmaster.pid, from 0: the folder of the socket, and the status (`ready`)."""


@dataclass(frozen=True)
class ServerNotes:
    """The notes of the server whose data is in `folder`."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file; it exists while the server runs, and also after the server was killed."""
        return self.folder / "postmaster.pid"

    @property
    def process(self) -> int | None:
        """The process id of a server that seems to run; None without one."""
        lines = self._lines()
        return int(lines[0]) if lines else None

    def socket(self, place: Path) -> Path | None:
        """Return the folder of the socket if a server answers there; `place` is its data folder."""
        lines = self._lines()
        named = lines[_LINE_OF_SOCKET] if len(lines) > _LINE_OF_SOCKET else ""
        folder = place / named if named else None
        return folder if folder is not None and _is_served(folder) else None

    def is_ready(self) -> bool:
        """Return whether the server notes that it accepts connections."""
        lines = self._lines()
        return len(lines) > _LINE_OF_STATUS and lines[_LINE_OF_STATUS].strip() == "ready"

    def _lines(self) -> list[str]:
        try:
            lines = self.path.read_text().splitlines()
            return lines if lines[0].isdecimal() else []
        except (OSError, ValueError, IndexError):  # no file, or one that a power cut damaged
            return []


def _is_served(folder: Path) -> bool:
    """Return whether a server listens on the socket; a killed one leaves notes behind."""
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(folder / _SOCKET)) == 0


@contextmanager
def short_path(folder: Path) -> Iterator[Path]:
    """Yield a path of the folder that fits a socket: short enough, and without a comma."""
    if _does_for_a_socket(folder):
        yield folder
        return
    usual = Path(tempfile.gettempdir())
    fits = _does_for_a_socket(usual / "lakehouse-xxxxxxxx/data")
    with tempfile.TemporaryDirectory(prefix="lakehouse-", dir=usual if fits else "/tmp") as short:  # noqa: S108
        link = Path(short) / "data"
        link.symlink_to(folder)
        yield link


def _does_for_a_socket(folder: Path) -> bool:
    return len(os.fsencode(folder / _SOCKET)) <= _LONGEST_SOCKET and "," not in str(folder)
