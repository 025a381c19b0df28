"""Leases: files that tell processes on other machines that a run is alive.

A lease lies beside the tables, and its holder writes it again and again. A lease that has not been
rewritten for 15 minutes looks expired. As clocks may be wrong, it is then watched for 90
seconds; only if it is not rewritten is its holder dead.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from lakehouse import storage
from lakehouse.system import clock

_RENEWED_EVERY = 30.0
"""Seconds between two writes.

They are far less than a lease lasts, so that no run loses its lease because a server is slow.
"""
_LASTS = timedelta(minutes=15)
"""Time after the last write until a lease looks expired."""
_WATCHED = 3 * _RENEWED_EVERY
"""Seconds within which a living holder rewrites its lease, even if one write fails."""
_LOOKS_EVERY = 1.0
"""Seconds between two looks at a lease that is watched."""


class Lease:
    """A lease that this process holds from its creation on, and renews in a thread."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._holder = f"process {os.getpid()} of {socket.gethostname()}\n"
        self._ended = Event()
        storage.write(place, self._holder, lasting=False)
        self._renewing = Thread(target=self._renew, daemon=True)
        self._renewing.start()

    def give_back(self) -> bool:
        """Stop renewing and remove the file; return False if it could not be removed.

        Others then see a holder until the lease expires.
        """
        self._ended.set()
        self._renewing.join()
        try:
            self._place.unlink(missing_ok=True)
        except Exception:  # noqa: BLE001 - each library of a store raises its own errors
            return False  # then the lease expires by itself
        return True

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED_EVERY):
            with suppress(Exception):  # the next write is soon enough
                storage.write(self._place, self._holder, lasting=False)


def is_over(lease: Path) -> bool:
    """Return whether nobody holds a lease; watching one that looks expired takes 90 seconds."""
    renewed = _renewed(lease)
    if renewed is None or abs(clock.now() - renewed) <= _LASTS:
        return renewed is None
    until = time.monotonic() + _WATCHED
    while time.monotonic() < until:
        time.sleep(_LOOKS_EVERY)
        if _renewed(lease) != renewed:
            return False
    return True


def _renewed(lease: Path) -> datetime | None:
    """Return when a lease was written last; None if its file was removed."""
    try:
        return storage.modified(lease)
    except FileNotFoundError:
        return None
