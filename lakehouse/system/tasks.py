"""Tasks in threads, side by side: each starts when the tasks that it needs are done."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def for_each(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    at_once: int,
    interrupt: Callable[[], None],
) -> list[Result]:
    """Return what `work` returns for each item, up to `at_once` at a time.

    Raises the first error, by item order.

    If the wait is broken off, no further item begins, and `interrupt` ends those that run.
    """
    tasks: Tasks[Result] = Tasks(at_once)
    try:
        for item in items:
            tasks.start((), partial(work, item))
        return list(tasks.results())
    finally:
        tasks.close(interrupt)


@dataclass(order=True)
class _Task(Generic[Result]):
    place: int
    work: Callable[[], Result] = field(compare=False)
    needs: list[Future[Result]] = field(compare=False)
    waits_for: int = field(compare=False)
    outcome: Future[Result] = field(compare=False, default_factory=Future)

    def run(self) -> None:
        try:
            for needed in self.needs:
                needed.result()
            result = self.work()
        except BaseException as error:  # noqa: BLE001 - raised where results are asked for
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)


class Tasks(Generic[Result]):
    """Tasks that run side by side, up to `at_once` at a time.

    Of several tasks that are ready, the one that was added first runs first.
    """

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once)
        self._started: list[Future[Result]] = []
        self._ready: list[_Task[Result]] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(self, needs: Iterable[Future[Result]], work: Callable[[], Result]) -> Future[Result]:
        """Add a task that runs when the tasks it needs have succeeded; it fails if one fails."""
        needed = [*dict.fromkeys(needs)]
        task = _Task(len(self._started), work, needed, len(needed))
        self._started.append(task.outcome)
        if not needed:
            self._offer(task)
        for other in needed:
            other.add_done_callback(partial(self._one_less, task))
        return task.outcome

    def results(self) -> Iterator[Result]:
        """Wait for all tasks, and yield their results in the order in which they were added.

        Raises the first error in that order, after the results of the tasks that succeeded.
        """
        error: Exception | None = None
        for outcome in self._started:
            try:
                yield outcome.result()
            except Exception as problem:  # noqa: BLE001 - raised below
                error = error or problem
        self._started.clear()
        if error is not None:
            raise error

    @property
    def is_closed(self) -> bool:
        """Whether no further task starts: all are done, or what they are for was given up."""
        return self._closed

    def close(self, interrupt: Callable[[], None]) -> None:
        """Start no further task, call `interrupt` if some still run, and wait for them to end."""
        with self._lock:
            self._closed = True
        if any(not outcome.done() for outcome in self._started):
            self._pool.shutdown(wait=False, cancel_futures=True)
            interrupt()
        self._pool.shutdown()

    def _one_less(self, task: _Task[Result], _: Future[Result]) -> None:
        """Count one needed task less, and offer the task to the pool if that was the last."""
        with self._lock:
            task.waits_for -= 1
            is_ready = task.waits_for == 0
        if is_ready:
            self._offer(task)

    def _offer(self, task: _Task[Result]) -> None:
        with self._lock:
            if not self._closed:
                heapq.heappush(self._ready, task)
                self._pool.submit(self._run_next)

    def _run_next(self) -> None:
        with self._lock:
            task = heapq.heappop(self._ready)
        task.run()
