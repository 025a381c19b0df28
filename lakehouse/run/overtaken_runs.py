"""Turns of runs whose merge conflicted with another run: they start over one after the other.

If all of them started over at once, each would be overtaken by the next that ends, and most of
their work would be lost. A run that waits for its turn can be overtaken only by new runs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from lakehouse.errors import MergeConflictError
from lakehouse.records.listener import Listener
from lakehouse.system import file_locks

_PATIENCE = 600.0
"""Seconds, since a run was overtaken first, in which it keeps starting over."""
_ATTEMPTS = 5
"""Attempts that a run has at least, however long they take."""
_PAUSE = 60.0
"""Seconds that a run pauses at most if it was overtaken although it was its turn."""
_LOOKS_EVERY = 0.5
"""Seconds between two checks whether it is this run's turn, at most."""


class Turn:
    """The turn of one run: it waits here before it starts over."""

    def __init__(self, lock: TextIO, listener: Listener) -> None:
        self._lock, self._listener = lock, listener
        self._overtaken = 0
        self._first = self._began = time.monotonic()
        self._is_ours = False

    def wait(self, error: MergeConflictError) -> None:
        """Wait until the run may start over. Raises the error if it was overtaken too long."""
        self._overtaken += 1
        took = time.monotonic() - self._began
        if self._overtaken == 1:
            self._first = time.monotonic()
        elif self._overtaken >= _ATTEMPTS and time.monotonic() - self._first > _PATIENCE:
            error.hint = f"it was overtaken {self._overtaken} times; run it when fewer others run"
            raise error
        self._listener.warning(f"{error.message}; this run waits for its turn, and starts over")
        if self._is_ours:  # a new run, or one on another machine, was quicker
            time.sleep(random.uniform(0, min(took, _PAUSE)))  # noqa: S311 - no secret
        while not self._is_ours and time.monotonic() - self._first < _PATIENCE:
            time.sleep(random.uniform(0, _LOOKS_EVERY))  # noqa: S311 - no secret
            self._is_ours = file_locks.try_acquire(self._lock)
        self._began = time.monotonic()


@contextmanager
def turn(home: Path, listener: Listener) -> Iterator[Turn]:
    """Yield the turn of a run; when the run ends, the next one that waits takes its turn."""
    place = home / "locks" / "turn.lock"
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with place.open("w") as lock:
        yield Turn(lock, listener)
