"""A day of 10, 100 and 1,000 people, whose servers answer after 50 ms each."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

from bench.process import ROOT, lakehouse, rounded

PEOPLE = (10, 100, 1_000)
DAY, NEXT_DAY = "2024-03-15", "2024-03-16"
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
    """Two days after each other: the seconds of the process, of fetching, and its memory."""
    return {str(number): _measure(home.with_name(f"people-{number}"), number) for number in people}


def _measure(folder: Path, number: int) -> dict[str, Any]:
    with _servers(number) as port:
        _make_project(folder, number, port)
        first, following = (
            lakehouse(folder / "home", "run", "--date", day, project=folder)
            for day in (DAY, NEXT_DAY)
        )
    fetched = next(n for n in following.json()["nodes"] if n["node"] == "glucose_entries.fetch")
    return rounded(
        {
            "first_day_seconds": first.seconds,
            "next_day_seconds": following.seconds,
            "fetch_seconds": fetched["seconds"],
            "peak_mb": following.peak_mb,
        }
    )


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


@contextmanager
def _servers(number: int) -> Iterator[int]:
    """Serve so many people in a process of its own; yield the port."""
    command = [sys.executable, "-m", "bench.people", str(number)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def _serve(number: int) -> None:
    first = await asyncio.start_server(_answer, _host(0), 0)
    port: int = first.sockets[0].getsockname()[1]
    others = [await asyncio.start_server(_answer, _host(n), port) for n in range(1, number)]
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in [first, *others]))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, until the client closes it."""
    with suppress(asyncio.IncompleteReadError, ConnectionError), closing(writer):
        while True:
            await _answer_one(reader, writer)


async def _answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
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
