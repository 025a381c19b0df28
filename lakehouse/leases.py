"""Leases: what tells processes on other machines that this one lives.

A lease is a file beside the tables that its holder writes again and again. One that was not
written for long is over: its holder is gone.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from lakehouse import storage

_RENEWED_EVERY = 30.0
"""Seconds; far less than a lease lasts, so that a slow moment of the server costs no run."""
_LASTS = timedelta(minutes=15)


@contextmanager
def held(lease: Path) -> Iterator[None]:
    """Hold a lease, and renew it meanwhile."""
    holder, ended = f"process {os.getpid()} of {socket.gethostname()}\n", Event()

    def renew() -> None:
        while not ended.wait(_RENEWED_EVERY):
            with suppress(OSError):  # the next time is soon enough
                storage.write(lease, holder)

    storage.write(lease, holder)
    renewing = Thread(target=renew, daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        with suppress(OSError):  # then it ends by itself
            lease.unlink(missing_ok=True)


def is_over(lease: Path) -> bool:
    """Whether nobody holds a lease."""
    try:
        renewed = lease.stat().st_mtime
    except FileNotFoundError:
        return True
    return datetime.now(UTC) - datetime.fromtimestamp(renewed, UTC) > _LASTS
