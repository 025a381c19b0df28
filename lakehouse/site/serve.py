"""A site on loopback that follows its project: it is built again whenever a run ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lakehouse.errors import UsageError
from lakehouse.pages import loading
from lakehouse.records import run_records
from lakehouse.site.frame import static

if TYPE_CHECKING:
    from lakehouse.session import Session

_HOST = "127.0.0.1"
_NAMES = frozenset({_HOST, "localhost"})
_LOOK_EVERY = 1.0
"""Seconds between two looks at whether something changed."""
_LIVE, _VERSION = "/assets/live.js", "/version"


class _Server(ThreadingHTTPServer):
    """Serves a folder, and the number of its versions so far."""

    daemon_threads = True
    version = 0


class _Handler(SimpleHTTPRequestHandler):
    """Answers with files of the site, to browsers of this machine alone."""

    server: _Server

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        # A page of somebody else's, whose name leads here, must not read what people measured.
        if (urlsplit(f"//{self.headers.get('Host', '')}").hostname or "") not in _NAMES:
            self.send_error(HTTPStatus.FORBIDDEN)
        elif path == _VERSION:
            self._answer(str(self.server.version), "text/plain")
        elif path == _LIVE:
            self._answer(static("follow.js"), "text/javascript")
        elif any(part.startswith(".") for part in path.split("/")):
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - the library's signature
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the terminal is for what goes wrong."""

    def _answer(self, text: str, kind: str) -> None:
        raw = text.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def serve(
    session: Session,
    folder: Path,
    port: int,
    ready: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """Serve the site in a folder until Ctrl-C, and build it again when a run ends or pages change.

    `ready` is called with the address; with port 0, the system chooses one. `warn` is told why the
    site could not be built again: it stays as it was then. Raises UsageError for a port in use.
    """
    with _serving(folder, port) as server, suppress(KeyboardInterrupt):
        seen = _state(session)
        ready(f"http://{_HOST}:{server.server_port}/")
        while True:
            time.sleep(_LOOK_EVERY)
            now = _state(session)
            if now != seen:
                seen = now
                _build_again(session, folder, warn)
                server.version += 1


@contextmanager
def _serving(folder: Path, port: int) -> Iterator[_Server]:
    try:
        server = _Server((_HOST, port), partial(_Handler, directory=str(folder)))
    except OSError as error:
        raise UsageError(
            f"port {port} on {_HOST} cannot be used: {os.strerror(error.errno or 0)}",
            hint="choose another with --port, or 0 for any that is free",
        ) from None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _state(session: Session) -> tuple[Any, ...]:
    """Return what changes when a run ends, main moves, or the code of a page is saved."""
    commit = session.catalog.head()
    records = [*run_records.places(session.settings.warehouse)]
    pages = [path.stat().st_mtime_ns for path in loading.sources(session.settings)]
    return commit and commit.id, len(records), records[-1:], pages


def _build_again(session: Session, folder: Path, warn: Callable[[str], None]) -> None:
    """Build in a process of its own: it has the code as it is now, and leaves nothing behind."""
    command = [sys.executable, "-m", "lakehouse", "site", "-o", str(folder)]
    done = subprocess.run(  # noqa: S603 - words of our own
        command, cwd=session.settings.root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        warn(f"the site stays as it was: {done.stderr.strip()}")
