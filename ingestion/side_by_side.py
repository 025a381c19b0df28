"""Reading several servers at once: pages come as they arrive, and no server holds up another.

A server that is waited for takes no thread meanwhile. Servers that were not asked yet go first.
"""

from __future__ import annotations

import threading
import time
from bisect import insort
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue
from typing import Generic, TypeAlias, TypeVar

from lakehouse import SourceError

AT_ONCE = 24
"""Requests under way at a time, at most."""
PER_HOST = 2
"""Of these, requests to one host, at most."""
_PAGES = 4
"""Pages that wait to be taken, at most; each thread may hold another."""
_PATIENCE = 0.05
"""Seconds to wait for room among the pages before checking whether anybody still takes them."""

Page = TypeVar("Page")


@dataclass(frozen=True)
class Pause:
    """A wait of so many seconds before a server is asked again."""

    seconds: float


@dataclass(frozen=True)
class Reading(Generic[Page]):
    """The pages of one server, and the pauses between them; the steps may raise SourceError."""

    name: str
    host: str
    steps: Iterator[Page | Pause]


@dataclass(frozen=True)
class _Over:
    """Word that a reading has ended, or failed with `error`."""

    error: BaseException | None = None


_Arrived: TypeAlias = "Queue[tuple[str, Page | _Over]]"


def side_by_side(
    readings: Sequence[Reading[Page]], cut: Callable[[], None]
) -> Generator[tuple[str, Page | SourceError], None, None]:
    """Yield the pages of all readings as they arrive, each with the name of its reading.

    The pages of one reading keep their order; if it fails, its last item is the SourceError. When
    the iterator is closed, or ends with an error, `cut` is called to break off requests that are
    under way, and no thread is left.
    """
    agenda = _Agenda(readings)
    arrived: _Arrived[Page] = Queue(_PAGES)
    threads = [
        threading.Thread(target=_work, args=(agenda, arrived), daemon=True)
        for _ in range(min(AT_ONCE, len(readings)))
    ]
    try:
        for thread in threads:
            thread.start()
        left = len(readings)
        while left:
            name, item = arrived.get()
            if not isinstance(item, _Over):
                yield name, item
                continue
            left -= 1
            if isinstance(item.error, SourceError):
                yield name, item.error
            elif item.error is not None:
                raise item.error
    finally:
        agenda.stop()
        cut()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _work(agenda: _Agenda[Page], arrived: _Arrived[Page]) -> None:
    """Take readings from the agenda until none is left."""
    while (reading := agenda.next()) is not None:
        over = _Over()
        try:
            for step in reading.steps:
                if isinstance(step, Pause):
                    agenda.put_back(reading, step.seconds)
                    break
                _put(agenda, arrived, (reading.name, step))
            else:
                agenda.end(reading)
                _put(agenda, arrived, (reading.name, over))
        except BaseException as error:  # noqa: BLE001 - raised where the pages are taken
            agenda.end(reading)
            _put(agenda, arrived, (reading.name, _Over(error)))


def _put(agenda: _Agenda[Page], arrived: _Arrived[Page], item: tuple[str, Page | _Over]) -> None:
    """Put an item where it is taken when there is room, unless nobody takes any more."""
    while not agenda.is_stopped:
        with suppress(Full):
            arrived.put(item, timeout=_PATIENCE)
            return


class _Agenda(Generic[Page]):
    """The readings that wait for a thread, ordered by when they are due."""

    def __init__(self, readings: Sequence[Reading[Page]]) -> None:
        self._readings = readings
        self._waiting = [(0.0, place) for place in range(len(readings))]
        self._places = {id(reading): place for place, reading in enumerate(readings)}
        self._busy: Counter[str] = Counter()
        self._open = len(readings)
        self._changed = threading.Condition()
        self.is_stopped = False

    def next(self) -> Reading[Page] | None:
        """Return the next reading that is due and whose host has room; None if none is left."""
        with self._changed:
            while self._open and not self.is_stopped:
                now = time.monotonic()
                for due, place in self._waiting:
                    reading = self._readings[place]
                    if due > now:
                        self._changed.wait(due - now)
                        break
                    if self._busy[reading.host] < PER_HOST:
                        self._waiting.remove((due, place))
                        self._busy[reading.host] += 1
                        return reading
                else:
                    self._changed.wait()
        return None

    def put_back(self, reading: Reading[Page], seconds: float) -> None:
        """Let a reading go on after so many seconds."""
        with self._changed:
            self._busy[reading.host] -= 1
            insort(self._waiting, (time.monotonic() + seconds, self._places[id(reading)]))
            self._changed.notify()

    def end(self, reading: Reading[Page]) -> None:
        """Note that a reading has ended."""
        with self._changed:
            self._busy[reading.host] -= 1
            self._open -= 1
            self._changed.notify_all() if self._open == 0 else self._changed.notify()

    def stop(self) -> None:
        """Hand out no more readings."""
        with self._changed:
            self.is_stopped = True
            self._changed.notify_all()
