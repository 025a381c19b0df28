"""Work that goes on side by side: each task starts when those that it needs are done."""

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
    items: Iterable[Item], work: Callable[[Item], None], at_once: int, interrupt: Callable[[], None]
) -> None:
    """Do the same with several items, some `at_once`; raises the first error in their order.

    If the wait for them is broken off, nothing more begins, and `interrupt` ends what runs.
    """
    tasks: Tasks[None] = Tasks(at_once)
    try:
        for number, item in enumerate(items):
            tasks.start(f"{number}", (), partial(work, item))
        list(tasks.results())
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
            for each in self.needs:
                each.result()
            result = self.work()
        except BaseException as error:  # noqa: BLE001 - raised where results are asked for
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)


class Tasks(Generic[Result]):
    """Tasks by name, started in an order in which none comes before what it needs.

    Of those that may begin, the one that was started first does.
    """

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once)
        self._started: dict[str, Future[Result]] = {}
        self._ready: list[_Task[Result]] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(self, name: str, needs: Iterable[str], work: Callable[[], Result]) -> None:
        """Do the work as soon as the needed tasks, as far as there are such, have succeeded.

        A task that was started already is not started again.
        """
        if name in self._started:
            return
        before = [self._started[each] for each in {*needs} if each in self._started]
        task = _Task(len(self._started), work, before, len(before))
        self._started[name] = task.outcome
        if not before:
            self._offer(task)
        for each in before:
            each.add_done_callback(partial(self._one_less, task))

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
        with self._lock:
            self._closed = True
        if any(not each.done() for each in self._started.values()):
            self._pool.shutdown(wait=False, cancel_futures=True)
            interrupt()
        self._pool.shutdown()

    def _one_less(self, task: _Task[Result], _: Future[Result]) -> None:
        """Something that the task needs is done."""
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
