"""Turns of runs that others were quicker than: they start over one after the other.

Each run that starts over at once is overtaken by the next that ends, and most of their work is for
nothing. Those that wait for their turn are overtaken by newcomers alone.
"""

from __future__ import annotations

import fcntl
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from lakehouse.errors import MergeConflictError
from lakehouse.request import Listener

_PATIENCE = 600.0
"""Seconds for which a run starts over, from when it was overtaken first."""
_ATTEMPTS = 5
"""How often it does so however long they take."""
_PAUSE = 60.0
"""Seconds of the longest pause of a run whose turn it is, and that was overtaken all the same."""
_LOOKS_EVERY = 0.5
"""Seconds between two looks at whether it is this run's turn, at most."""


class Turn:
    """What a run waits for before it starts over."""

    def __init__(self, lock: TextIO, listener: Listener) -> None:
        self._lock, self._listener = lock, listener
        self._overtaken = 0
        self._first = self._began = time.monotonic()
        self._is_ours = False

    def wait(self, error: MergeConflictError) -> None:
        """Wait until the run may start over. Raises the error if it was overtaken for too long."""
        self._overtaken += 1
        took = time.monotonic() - self._began
        if self._overtaken == 1:
            self._first = time.monotonic()
        elif self._overtaken >= _ATTEMPTS and time.monotonic() - self._first > _PATIENCE:
            error.hint = f"it was overtaken {self._overtaken} times; run it when fewer others run"
            raise error
        self._listener.warning(f"{error.message}; this run waits for its turn, and starts over")
        if self._is_ours:  # by a newcomer, or from another machine
            time.sleep(random.uniform(0, min(took, _PAUSE)))  # noqa: S311 - no secret
        while not self._is_ours and time.monotonic() - self._first < _PATIENCE:
            time.sleep(random.uniform(0, _LOOKS_EVERY))  # noqa: S311 - no secret
            self._is_ours = _taken(self._lock)
        self._began = time.monotonic()


@contextmanager
def turn(home: Path, listener: Listener) -> Iterator[Turn]:
    """The turn of a run, which the next one has when it ends."""
    place = home / "locks" / "turn.lock"
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with place.open("w") as lock:
        yield Turn(lock, listener)


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
