"""A server on this machine that misbehaves as it is told, and keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

import orjson

Answer: TypeAlias = Callable[["Handler"], None]


class Scripted:
    """Gives each request the next of `answers`, and the last one for ever after."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = answers
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.over = threading.Event()
        self.trickled = threading.Event()
        """Whether a trickle was read to its end."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[Handler]:
        return type("Bound", (Handler,), {"script": self})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Scripted

    def do_GET(self) -> None:
        script = self.script
        query = parse_qs(urlsplit(self.path).query)
        script.asked.append({name: values[0] for name, values in query.items()})
        script.headers.append({name.lower(): value for name, value in self.headers.items()})
        script.answers[min(len(script.asked), len(script.answers)) - 1](self)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        form = parse_qs(self.rfile.read(length).decode())
        self.script.forms.append({name: values[0] for name, values in form.items()})
        self.do_GET()

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


def documents(*found: Any) -> Answer:
    """A good answer."""
    return body(orjson.dumps(list(found)))


def body(content: bytes, **headers: str) -> Answer:
    """Status 200 with this content."""
    return lambda handler: handler.send(200, content, **headers)


def status(code: int, **headers: str) -> Answer:
    """Another status, with a body that repeats what was asked, as some servers do."""
    return lambda handler: handler.send(code, handler.path.encode(), **headers)


def other(code: int, content: bytes, **headers: str) -> Answer:
    """Another status, with this content."""
    return lambda handler: handler.send(code, content, **headers)


def hang_up(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def break_off(handler: Handler) -> None:
    """Announce more than is sent."""
    handler.send(200, b'[{"_id":"a"}]', Content_Length="100")
    handler.close_connection = True


def break_off_chunks(handler: Handler) -> None:
    """Promise another chunk, and close."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"2\r\n[]\r\n")
    handler.close_connection = True


def silence(handler: Handler) -> None:
    """Say nothing until the test is over."""
    handler.script.over.wait(10)
    handler.close_connection = True


def fall_silent(handler: Handler) -> None:
    """Say nothing more after half an answer."""
    handler.send(200, b"[", Content_Length="2")
    silence(handler)


def trickle(handler: Handler) -> None:
    """Send a blank now and then, for a long time."""
    handler.send(200, b"", Content_Length="1000000")
    with suppress(OSError):
        for _ in range(400):
            handler.script.over.wait(0.005)
            handler.wfile.write(b" ")
        handler.script.trickled.set()
    handler.close_connection = True


def production(folder, url, secret):
    """Make a project in a folder; the variables by which its Nessie and its S3 are at a URL."""
    (folder / "lakehouse.toml").write_text("[project]\n")
    return {
        "LAKEHOUSE_PROFILE": "production",
        "LAKEHOUSE_ENGINE": "duckdb",
        "LAKEHOUSE_NESSIE_URL": url,
        "LAKEHOUSE_S3_ENDPOINT": url,
        "LAKEHOUSE_WAREHOUSE": "s3://lake/warehouse",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": secret,
    }
