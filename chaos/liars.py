"""Servers that answer a request for entries in every wrong way, slowly or without end."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

_PAUSE = 0.004
"""Seconds between the pieces of what trickles: no silence is long enough to notice."""
_TIMES = 10_000
"""How often a piece is repeated that trickles."""
_PATIENCE = 30
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Attack:
    """What a server says, piece by piece; it hangs up at the end."""

    pieces: Callable[[], Iterable[bytes]]
    pause: float = 0.0
    """Seconds after each piece."""
    is_silent_then: bool = False
    """Whether it says nothing at the end instead."""
    scheme: str = "http"


class Liar:
    """A server on this machine that answers each request with an attack, until it is closed."""

    def __init__(self, attack: Attack) -> None:
        self.attack = attack
        self.asked = 0
        self.ended = 0
        """Answers that were read to their end."""
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """The address to point a client at."""
        return f"{self.attack.scheme}://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        self.asked += 1
        with connection, suppress(OSError):
            connection.settimeout(_PATIENCE)
            connection.recv(1 << 16)
            for piece in self.attack.pieces():
                if self._over.is_set():
                    return
                connection.sendall(piece)
                if self.attack.pause:
                    self._over.wait(self.attack.pause)
            self.ended += 1
            if self.attack.is_silent_then:
                self._over.wait(_PATIENCE)


def _head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def _slowly(start: bytes, again: bytes, scheme: str = "http") -> Attack:
    """`start`, and then `again` for longer than anybody waits, a little at a time."""
    return Attack(
        lambda: itertools.chain([start], itertools.repeat(again, _TIMES)), _PAUSE, scheme=scheme
    )


def _flood(start: bytes, again: bytes) -> Attack:
    """`start`, and then two gigabytes of `again`, as fast as they are read."""
    many = again * (_MEGABYTE // len(again) + 1)
    return Attack(lambda: itertools.chain([start], itertools.repeat(many, 2_000)))


def _once(*pieces: bytes, is_silent_then: bool = False) -> Attack:
    return Attack(lambda: pieces, is_silent_then=is_silent_then)


def _body(body: bytes, *lines: str, status: str = "200 OK") -> Attack:
    """An answer of the right length."""
    return _once(_head(f"Content-Length: {len(body)}", *lines, status=status) + body)


def _zipped(times: int) -> Iterator[bytes]:
    """Hundreds of megabytes of blanks, zipped so many times."""
    yield _head(*_CLOSE, f"Content-Encoding: {', '.join(['gzip'] * times)}")
    packed: Iterable[bytes] = itertools.repeat(b" " * _MEGABYTE, 300)
    for _ in range(times):
        packed = _packed(packed)
    yield from packed


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=31)
    yield from filter(None, map(packer.compress, pieces))
    yield packer.flush()


def _rows(count: int) -> Iterator[bytes]:
    yield _head(*_CLOSE)
    yield b"["
    for first in range(0, count, 1_000):
        rows = (b'{"_id":"%024x","date":1710460800000,"sgv":100}' % n for n in range(1_000))
        yield (b"," if first else b"") + b",".join(rows)
    yield b"]"


def _millions(value: bytes) -> Attack:
    """A list with so many of a value that it just is no answer that is too long."""
    many = (value + b",") * 10_000
    times = 41_000_000 // len(many)
    return Attack(lambda: [_head(*_CLOSE), b"[", *[many] * times, value, b"]"])


_CLOSE = ("Connection: close",)
_CHUNKED = _head("Transfer-Encoding: chunked")
_GZIP = _head(*_CLOSE, "Content-Encoding: gzip")
_EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
_GZIP_START = gzip.compress(b"")[:10]
_LONG = _head("Content-Length: 1000000000")

SLOW: dict[str, Attack] = {
    "status line trickles": _slowly(b"HTTP/1.1 200 O", b"K"),
    "reason trickles before a status": _slowly(b"", b"H"),
    "header trickles": _slowly(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "headers trickle": _slowly(b"HTTP/1.1 200 OK\r\n", b"X"),
    "100 continue trickles": _slowly(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body trickles": _slowly(_LONG, b" "),
    "body without a length trickles": _slowly(_head(*_CLOSE), b" "),
    "body of HTTP/1.0 trickles": _slowly(b"HTTP/1.0 200 OK\r\n\r\n[", b" "),
    "chunks trickle": _slowly(_CHUNKED, b"1\r\n \r\n"),
    "size of a chunk trickles": _slowly(_CHUNKED, b"0"),
    "extension of a chunk trickles": _slowly(_CHUNKED + b"2;", b"x"),
    "trailers trickle": _slowly(_CHUNKED + b"2\r\n[]\r\n0\r\n", b"X: y\r\n"),
    "gzip trickles": _slowly(_GZIP + _GZIP_START, _EMPTY_BLOCK),
    "gzip members trickle": _slowly(_GZIP, gzip.compress(b"")),
    "handshake trickles": _slowly(b"\x16\x03\x03\x40\x00", b"\x02", "https"),
}
"""No silence is long, and there is no end."""

ENDLESS: dict[str, Attack] = {
    "header without end": _flood(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "headers without end": _flood(b"HTTP/1.1 200 OK\r\n", b"X-A: a\r\n"),
    "status line without end": _flood(b"HTTP/1.1 200 O", b"K"),
    "100 continue without end": _flood(b"", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"),
    "cookies without end": _flood(b"HTTP/1.1 200 OK\r\n", b"Set-Cookie: a=b\r\n"),
    "body without end": _flood(_head(*_CLOSE) + b"[", b'{"sgv":1},'),
    "blanks without end": _flood(_LONG, b" "),
    "chunks without end": _flood(_CHUNKED + b'2\r\n["\r\n', b"8\r\nabcdefgh\r\n"),
    "chunk of an exabyte": _flood(_CHUNKED + b"fffffffffffffff\r\n[", b'"abc",'),
    "size of a chunk without end": _flood(_CHUNKED, b"0"),
    "extension without end": _flood(_CHUNKED + b"2;", b"x"),
    "trailers without end": _flood(_CHUNKED + b"2\r\n[]\r\n0\r\n", b"X: y\r\n"),
    "gzip bomb": Attack(lambda: _zipped(1)),
    "gzip bomb in gzip": Attack(lambda: _zipped(2)),
    "gzip members without end": _flood(_GZIP, gzip.compress(b"")),
    "gzip members that grow": _flood(_GZIP, gzip.compress(b" " * _MEGABYTE)),
    "error without end": _flood(_head(*_CLOSE, status="500 No"), b"x"),
    "refusal without end": _flood(_head(*_CLOSE, status="401 No"), b"x"),
    "300,000 rows": Attack(lambda: _rows(300_000)),
    "lists without end": _flood(_head(*_CLOSE) + b"[", b"[],"),
    "millions of lists": _body(b"[" + b"[]," * 13_000_000 + b"[]]"),
    "millions of objects": _body(b"[" + b"{}," * 13_000_000 + b"{}]"),
    "millions of texts": _body(b'["\\ud800' + b'","' * 13_000_000 + b'"]'),
}
"""More than fits into memory, as fast as it is read."""

WRONG: dict[str, Attack] = {
    "error trickles": _slowly(_head("Content-Length: 9999", status="500 No"), b"x"),
    "nothing": _once(),
    "silence": _once(is_silent_then=True),
    "silence in a header": _once(b"HTTP/1.1 200 OK\r\nX-", is_silent_then=True),
    "silence in a body": _once(_LONG + b"[", is_silent_then=True),
    "HTTP/0.9": _once(b"[]"),
    "HTTP/9.9": _once(b"HTTP/9.9 200 OK\r\nContent-Length: 3\r\n\r\n[1["),
    "no status": _once(b"HTTP/1.1 many\r\n\r\n[]"),
    "status of 5 digits": _once(b"HTTP/1.1 20000 OK\r\n\r\n[]"),
    "noise": _once(bytes(range(256)) * 40),
    "length too long": _once(_head("Content-Length: 9") + b"[]"),
    "length too short": _once(_head("Content-Length: 9") + b'[{"sgv":100},{"sgv":101}]'),
    "two lengths": _once(_head("Content-Length: 2", "Content-Length: 3") + b"[] "),
    "length below zero": _once(_head("Content-Length: -2") + b"[{"),
    "length that is none": _once(_head("Content-Length: two") + b"[{"),
    "chunk below zero": _once(_CHUNKED + b"-2\r\n[]\r\n0\r\n\r\n"),
    "chunk that is none": _once(_CHUNKED + b"zz\r\n[]\r\n0\r\n\r\n"),
    "chunks without an end": _once(_CHUNKED + b"2\r\n[]\r\n"),
    "gzip that is cut": _body(gzip.compress(b'[{"sgv":100}]' * 99)[:-30], "Content-Encoding: gzip"),
    "gzip that is none": _body(b"[]", "Content-Encoding: gzip"),
    "gzip six times": _body(b"[]", f"Content-Encoding: {', '.join(['gzip'] * 6)}"),
    "redirect to itself": _body(b"", "Location: /api/v1/entries.json", status="302 Found"),
    "nested too deeply": _body(b"[" * 1_000_000 + b"]" * 1_000_000),
    "objects nested too deeply": _body(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "an object": _body(b'{"status":200}'),
    "not a number": _body(b'[{"sgv":NotANumber}]'),
    "not UTF-8": _body(b'[{"device":"\xff"}]'),
    "two lists": _body(b"[][]"),
    "empty": _body(b""),
}
"""Soon over, and no answer."""

ATTACKS = SLOW | ENDLESS | WRONG
"""Every one of them has to end as an error of the source, soon and in little memory."""
