"""What a source has from day to day: readings that come, come late, are bad, and are corrected."""

from __future__ import annotations

import io
import os
import random
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ingestion.query import Query
from ingestion.recording import Recording
from ingestion.replay import Documents, ReplayServer

FIRST = date(2024, 3, 1)
_SOME = 5


def day(number: int) -> date:
    """The day that a story's `number`-th run is about, counted from 1."""
    return FIRST + timedelta(days=number - 1)


def documents(seed: int, number: int) -> list[Any]:
    """What the source has when the `number`-th day is run; the same for the same seed."""
    return [
        document
        for each in range(1, number + 1)
        for document in _of_day(seed, each, is_newest=each == number)
    ]


def serve(seed: int, number: int, writer: int) -> None:
    """Serve these documents for ever, and write the address to the file."""
    sys.stderr = io.StringIO()  # a client that is killed hangs up, and the server complains
    with ReplayServer(Documents(documents(seed, number))) as server:
        os.write(writer, f"{server.url}\n".encode())
        threading.Event().wait()


def _of_day(seed: int, number: int, *, is_newest: bool) -> list[Any]:
    """The readings of a day: while it is the newest some are missing, and some are bad."""
    start = datetime.combine(day(number), datetime.min.time(), UTC).timestamp() * 1000
    found = Recording().find(Query(count=0, start=start, end=start + 86_400_000))
    chosen = random.Random(f"{seed} {number}").sample(found, 3 * _SOME)
    late, bad, corrected = (chosen[place::3] for place in range(3))
    for document in corrected:
        document["sgv"] += 0 if is_newest else 10
    if is_newest:
        for document in bad:
            document["sgv"] = "high"
        return [document for document in found if document not in late]
    return found
