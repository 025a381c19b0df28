"""An S3 server on loopback that keeps files in memory, and what it was asked with each of them."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

WRITTEN = "Thu, 01 Jan 2026 00:00:00 GMT"
LISTED = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Write:
    """A request that makes a file, or begins to make it of parts."""

    path: str
    headers: dict[str, str]
    """In small letters."""

    @property
    def encryption(self):
        """What is asked of the server: the kind of encryption, and the key."""
        name = "x-amz-server-side-encryption"
        return self.headers.get(name), self.headers.get(f"{name}-aws-kms-key-id")

    @property
    def signed(self):
        """The names of the headers that the signature covers."""
        return set(self._authorization("SignedHeaders").split(";"))

    @property
    def key(self):
        """The access key that it was signed with."""
        return self._authorization("Credential").partition("/")[0]

    def _authorization(self, part):
        return self.headers["authorization"].partition(f"{part}=")[2].partition(",")[0]


@dataclass
class Kept:
    """Files and parts of files by path, and each write."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    refuses: bool = False
    """Whether what is written is refused."""
    busy: int = 0
    """How many writes are turned away before their bodies are read."""


@contextmanager
def serving():
    """Serve buckets of any name; what was kept can be looked at meanwhile."""
    kept = Kept()
    handler = type("Bound", (_Handler,), {"kept": kept})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        kept.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
        yield kept
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kept: Kept

    def log_message(self, *_):
        """Tests are quiet."""

    def parse_request(self):
        is_good = super().parse_request()
        if is_good:
            split = urlsplit(self.path)
            self.place = unquote(split.path)
            asked = parse_qs(split.query, keep_blank_values=True)
            self.asked = {name: values[0] for name, values in asked.items()}
        return is_good

    def do_PUT(self):
        if self.kept.busy:
            self.kept.busy -= 1
            self.close_connection = True
            with suppress(ConnectionError):  # the client may notice at once
                self._xml("<Error><Code>SlowDown</Code><Message>busy</Message>", 503)
            return None
        body = self._body()
        if self.kept.refuses:
            return self._xml("<Error><Code>AccessDenied</Code><Message>refused</Message>", 403)
        if "partNumber" in self.asked:
            self.kept.parts[self.place, int(self.asked["partNumber"])] = body
        else:
            self._note()
            self.kept.files[self.place] = body
        self._answer(200, ETag=f'"{md5(body, usedforsecurity=False).hexdigest()}"')
        return None

    def do_POST(self):
        body = self._body().decode(errors="replace")
        if "uploads" in self.asked:
            self._note()
            return self._xml("<InitiateMultipartUploadResult><UploadId>1</UploadId>")
        if "uploadId" in self.asked:
            numbers = sorted(number for place, number in self.kept.parts if place == self.place)
            parts = [self.kept.parts.pop((self.place, number)) for number in numbers]
            self.kept.files[self.place] = b"".join(parts)
            return self._xml('<CompleteMultipartUploadResult><ETag>"1"</ETag>')
        for key in body.split("<Key>")[1:]:
            self.kept.files.pop(f"{self.place.rstrip('/')}/{key.partition('<')[0]}", None)
        return self._xml("<DeleteResult>")

    def do_DELETE(self):
        self.kept.files.pop(self.place, None)
        self._answer(204)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if "list-type" in self.asked or self.place.count("/") == 1:
            return self._list()
        body = self.kept.files.get(self.place)
        if body is None:
            return self._answer(404)
        headers = {"Last_Modified": WRITTEN, "ETag": '"1"', "Accept_Ranges": "bytes"}
        if (wanted := self.headers.get("Range")) is None:
            return self._answer(200, body, **headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(body) - int(last))
        end = min(int(last), len(body) - 1) if first and last else len(body) - 1
        headers["Content_Range"] = f"bytes {start}-{end}/{len(body)}"
        return self._answer(206, body[start : end + 1], **headers)

    def _list(self):
        bucket = f"/{self.place.strip('/').partition('/')[0]}/"
        prefix, mark = self.asked.get("prefix", ""), self.asked.get("delimiter")
        contents, folders = [], set()
        for place, body in sorted(self.kept.files.items()):
            key = place.removeprefix(bucket)
            if place.startswith(f"{bucket}{prefix}"):
                rest = key.removeprefix(prefix)
                if mark and mark in rest:
                    folders.add(prefix + rest.partition(mark)[0] + mark)
                else:
                    contents.append(
                        f"<Contents><Key>{escape(key)}</Key><Size>{len(body)}</Size>"
                        f'<LastModified>{LISTED}</LastModified><ETag>"1"</ETag></Contents>'
                    )
        shared = [f"<CommonPrefixes><Prefix>{each}</Prefix></CommonPrefixes>" for each in folders]
        self._xml(
            f"<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>{len(contents)}</KeyCount>"
            + "".join([*contents, *sorted(shared)])
        )

    def _note(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.kept.writes.append(Write(self.place, headers))

    def _body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        else:
            body = self._chunks(self.rfile)
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            return self._chunks(io.BytesIO(body))
        return body

    def _chunks(self, stream):
        chunks = []
        while size := int(stream.readline().split(b";")[0].strip() or b"0", 16):
            chunks.append(stream.read(size))
            stream.readline()
        return b"".join(chunks)

    def _xml(self, text, status=200):
        name = text.partition(">")[0].removeprefix("<")
        self._answer(status, f"{text}</{name}>".encode(), Content_Type="application/xml")

    def _answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
