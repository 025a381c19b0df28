"""Work that goes on side by side: each task starts when those that it needs are done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Tasks(Generic[Result]):
    """Tasks by name, started in an order in which none comes before what it needs."""

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once)
        self._started: dict[str, Future[Result]] = {}

    def start(self, name: str, needs: Iterable[str], work: Callable[[], Result]) -> None:
        """Do the work as soon as the needed tasks, as far as there are such, have succeeded.

        A task that was started already is not started again.
        """
        if name in self._started:
            return
        before = [self._started[each] for each in needs if each in self._started]

        def when_ready() -> Result:
            for each in before:
                each.result()
            return work()

        self._started[name] = self._pool.submit(when_ready)

    def results(self) -> Iterator[Result]:
        """Wait for everything; the results, in the order in which tasks were started.

        Raises the first error in that order, after the results of those that succeeded.
        """
        error: Exception | None = None
        for each in self._started.values():
            try:
                yield each.result()
            except Exception as problem:  # noqa: BLE001 - raised below
                error = error or problem
        self._started.clear()
        if error is not None:
            raise error

    def close(self, interrupt: Callable[[], None]) -> None:
        """Start nothing more; `interrupt` what still runs, and wait for it to end."""
        if any(not each.done() for each in self._started.values()):
            self._pool.shutdown(wait=False, cancel_futures=True)
            interrupt()
        self._pool.shutdown()
