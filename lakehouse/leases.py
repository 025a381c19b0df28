"""Leases: what tells processes on other machines that this one lives.

A lease is a file beside the tables that its holder writes again and again. One that was not
written for long is over: its holder is gone. As clocks may be wrong, here and where the file is,
one that looks over is watched before it is taken to be.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from lakehouse import clock, storage

_RENEWED_EVERY = 30.0
"""Seconds; far less than a lease lasts, so that a slow moment of the server costs no run."""
_LASTS = timedelta(minutes=15)
_WATCHED = 3 * _RENEWED_EVERY
"""Seconds in which a living holder writes its lease, even if it fails once."""
_LOOKS_EVERY = 1.0


class Lease:
    """A lease that this process holds from now on, and renews."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._holder = f"process {os.getpid()} of {socket.gethostname()}\n"
        self._ended = Event()
        storage.write(place, self._holder, lasting=False)
        self._renewing = Thread(target=self._renew, daemon=True)
        self._renewing.start()

    def give_back(self) -> bool:
        """Hold it no longer; whether others can see that at once."""
        self._ended.set()
        self._renewing.join()
        try:
            self._place.unlink(missing_ok=True)
        except Exception:  # noqa: BLE001 - each library of a server has its own
            return False  # then it ends by itself
        return True

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED_EVERY):
            with suppress(Exception):  # the next time is soon enough
                storage.write(self._place, self._holder, lasting=False)


def is_over(lease: Path) -> bool:
    """Whether nobody holds a lease; to be sure of that may take a minute and a half."""
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
    """When a lease was written last; None if it was given back."""
    try:
        return storage.modified(lease)
    except FileNotFoundError:
        return None
