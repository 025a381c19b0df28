"""A day of 10, 100 and 1,000 people, whose servers answer after 50 ms each; 90 days of one."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

from bench.process import ROOT, lakehouse, rounded

PEOPLE = (10, 100, 1_000)
DAY, NEXT_DAY = "2024-03-15", "2024-03-16"
LONG = "2024-01-01", "2024-03-30"
"""90 days."""
SECONDS_TO_ANSWER = 0.05
_STEP = 5 * 60_000
"""Milliseconds between two readings."""
_HOUR = 3_600_000
"""Milliseconds for which a reading does not change."""
_SETTINGS = """
[project]
ingestion = "ingestion"
models = "models"
"""
_SITE = """
[[nightscout.sites]]
site = "person{number}"
url = "http://{host}:{port}"
"""


def measure(home: Path, people: tuple[int, ...] = PEOPLE) -> dict[str, Any]:
    """Two days after each other by number of people, and `LONG` of one person.

    `seconds` are those of the process, `cpu_seconds` of all processors. The servers tell the rest:
    `fetch_seconds` pass from the first request to the last answer, and `at_once` requests are under
    way at a time, at most. The run waits for its sources less than that, as it stages meanwhile.
    """
    return {
        **{str(n): _two_days(home.with_name(f"people-{n}"), n) for n in people},
        "90_days_of_one": _long(home.with_name("people-long")),
    }


def _two_days(folder: Path, number: int) -> dict[str, Any]:
    with _servers(number) as servers:
        _make_project(folder, number, servers.port)
        return {
            name: _timed(folder, servers, "run", "--date", day)
            for name, day in (("first_day", DAY), ("next_day", NEXT_DAY))
        }


def _long(folder: Path) -> dict[str, Any]:
    first, last = LONG
    with _servers(1) as servers:
        _make_project(folder, 1, servers.port)
        return _timed(folder, servers, "backfill", "--from", first, "--to", last)


def _timed(folder: Path, servers: _Servers, *words: str) -> dict[str, Any]:
    timed = lakehouse(folder / "home", *words, project=folder)
    fetched = next(n for n in timed.json()["nodes"] if n["node"] == "glucose_entries.fetch")
    figures = {"seconds": timed.seconds, "cpu_seconds": timed.cpu_seconds, "peak_mb": timed.peak_mb}
    return {**rounded(figures), "rows": fetched["rows"], **servers.told()}


def _make_project(folder: Path, number: int, port: int) -> None:
    """Copy the project, and set the address of each person."""
    folder.mkdir(parents=True)
    for package in ("ingestion", "models"):
        shutil.copytree(ROOT / package, folder / package)
    sites = (_SITE.format(number=n, host=_host(n), port=port) for n in range(number))
    (folder / "lakehouse.toml").write_text(_SETTINGS + "".join(sites))


def _host(number: int) -> str:
    """The address on this machine at which the server of a person listens."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


@dataclass(frozen=True)
class _Servers:
    """The process that serves all people."""

    process: subprocess.Popen[str]
    port: int

    def told(self) -> dict[str, float]:
        """Return what the servers noted since they were asked last."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return dict(json.loads(self.process.stdout.readline()))


@contextmanager
def _servers(number: int) -> Iterator[_Servers]:
    """Serve so many people in a process of its own."""
    command = [sys.executable, "-m", "bench.people", str(number)]
    with subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield _Servers(process, int(process.stdout.readline()))
        finally:
            process.kill()


class _Requests:
    """The requests to all servers, of which the process tells when it is asked."""

    def __init__(self) -> None:
        self.under_way = 0
        self._forget()

    def _forget(self) -> None:
        self._first, self._last, self._at_once = math.inf, -math.inf, 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        self._first = min(self._first, time.perf_counter())
        self.under_way += 1
        self._at_once = max(self._at_once, self.under_way)
        try:
            yield
        finally:
            self.under_way -= 1
            self._last = time.perf_counter()

    def tell(self) -> None:
        """Print what was noted, and begin anew."""
        sys.stdin.readline()
        seconds = round(self._last - self._first, 3)
        print(json.dumps({"fetch_seconds": seconds, "at_once": self._at_once}), flush=True)
        self._forget()


_requests = _Requests()


async def _serve(number: int) -> None:
    first = await asyncio.start_server(_answer, _host(0), 0)
    port: int = first.sockets[0].getsockname()[1]
    others = [await asyncio.start_server(_answer, _host(n), port) for n in range(1, number)]
    asyncio.get_running_loop().add_reader(sys.stdin, _requests.tell)
    print(port, flush=True)
    await asyncio.gather(*(server.serve_forever() for server in [first, *others]))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, until the client closes it."""
    with suppress(asyncio.IncompleteReadError, ConnectionError), closing(writer):
        while True:
            await _answer_one(reader, writer)


async def _answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    with _requests.one_more():
        await _send(head, writer)


async def _send(head: bytes, writer: asyncio.StreamWriter) -> None:
    query = parse_qs(urlsplit(head.split()[1].decode()).query)
    await asyncio.sleep(SECONDS_TO_ANSWER)
    start, end = (int(query[f"find[date][${word}]"][0]) for word in ("gte", "lt"))
    person = writer.get_extra_info("sockname")[0]
    body = json.dumps(_entries(person, start, end)).encode()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    await writer.drain()


def _entries(person: str, start: int, end: int) -> list[dict[str, Any]]:
    """A reading every five minutes, the newest first."""
    moments = range(-(-start // _STEP) * _STEP, end, _STEP)
    return [
        {
            "_id": f"{at:024x}",
            "type": "sgv",
            "date": at,
            "sgv": 60 + crc32(f"{person} {at // _HOUR}".encode()) % 160,
            "device": "sensor",
            "direction": "Flat",
        }
        for at in reversed(moments)
    ]


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
