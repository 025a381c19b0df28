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
    """Notes of a server that seems to run, all read at one moment."""

    process: int
    """Process id of the server."""
    socket_folder: str
    """Folder of its socket, as seen from the data folder; empty if it is not noted yet."""
    is_ready: bool
    """Whether the server accepts connections."""

    def socket(self, place: Path) -> Path | None:
        """Return the folder of the socket if a server answers there; `place` is its data folder."""
        folder = place / self.socket_folder if self.socket_folder else None
        return folder if folder is not None and _is_served(folder) else None


def notes_file(data: Path) -> Path:
    """Return the file; it exists while the server runs, and also after the server was killed."""
    return data / "postmaster.pid"


def read_notes(data: Path) -> ServerNotes | None:
    """Return the notes in a data folder; None without any, or if a power cut damaged them."""
    try:
        lines = notes_file(data).read_text().splitlines()
    except (OSError, ValueError):
        return None
    if not lines or not lines[0].isdecimal():
        return None
    lines += [""] * (_LINE_OF_STATUS + 1 - len(lines))
    is_ready = lines[_LINE_OF_STATUS].strip() == "ready"
    return ServerNotes(int(lines[0]), lines[_LINE_OF_SOCKET], is_ready)


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
