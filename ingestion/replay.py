"""A server on this machine that answers Nightscout's entries API from given documents.

`python -m ingestion.replay [--port N]` serves the bundled recording until it is interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import socketserver
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import orjson

from ingestion.query import Archive, Query, read
from ingestion.recording import Recording

HOST = "127.0.0.1"

_POLL = 0.01  # seconds until a server that is closed notices


@dataclass(frozen=True)
class Documents:
    """An archive of a list of documents; documents may be added to the list at any time."""

    documents: Sequence[Any]

    def find(self, query: Query) -> list[Any]:
        """Return the documents that match, newest first, cut to `query.count`."""
        matching = [document for document in self.documents if query.matches(document)]
        matching.sort(key=lambda document: float(document["date"]), reverse=True)
        return matching[: query.count] if query.count else matching


class ReplayServer:
    """Server of an archive on a loopback port (0: a free one), from construction until `close`.

    With a `secret`, requests need its SHA-1 in the header `api-secret`.
    """

    def __init__(self, archive: Archive, *, secret: str | None = None, port: int = 0) -> None:
        digest = secret and hashlib.sha1(secret.encode(), usedforsecurity=False).hexdigest()
        self._server = _Server((HOST, port), partial(_Handler, archive, digest))
        threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True).start()

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        # HTTPServer's own method would ask DNS for our name.
        socketserver.TCPServer.server_bind(self)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for head and body

    def __init__(self, archive: Archive, digest: str | None, *args: Any) -> None:
        self.archive, self.digest = archive, digest
        super().__init__(*args)

    def do_GET(self) -> None:
        if self.digest and self.headers.get("api-secret") != self.digest:
            self._fail(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Invalid/Missing")
            return
        try:
            query = read(self.path)
        except ValueError as error:
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR, "Mongo Error", str(error))
            return
        if query is None:
            self._fail(HTTPStatus.NOT_FOUND, "Not Found", "only entries are replayed")
            return
        self._answer(HTTPStatus.OK, self.archive.find(query))

    def _fail(self, status: HTTPStatus, message: str, description: str) -> None:
        self._answer(
            status, {"status": status.value, "message": message, "description": description}
        )

    def _answer(self, status: HTTPStatus, content: Any) -> None:
        body = orjson.dumps(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing, as addresses may hold a token."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the recording until interrupted, and print the address."""
    parser = argparse.ArgumentParser(prog="python -m ingestion.replay", description=main.__doc__)
    parser.add_argument("--port", type=int, default=1337, help="0: a free one (%(default)s)")
    port = parser.parse_args(arguments).port
    try:
        server = ReplayServer(Recording(), port=port)
    except (OSError, OverflowError) as error:
        parser.error(f"port {port} cannot be used: {error}")
    with server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
