"""Queue of pages between the thread that reads the sources and the thread that stages pages.

Only a few pages may wait in it, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa

_PAGES = 2
"""Pages that wait to be staged, at most."""
_PATIENCE = 0.05
"""Seconds to wait for room in the queue before checking whether staging has ended."""


@dataclass(frozen=True)
class _Failed:
    """Item of the queue that stands for an error of a source."""

    error: BaseException


Taker: TypeAlias = Callable[[Mapping[str, Iterable["pa.Table"]]], None]
"""Function that stages the pages of each name."""


class PageQueue:
    """Reads pages while a second thread stages them, one round after the other."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def read(self, pages: Mapping[str, Iterable[pa.Table]], take: Taker) -> Future[None]:
        """Read all pages; return the future of staging them, which may take longer.

        An error of a source ends the staging, and becomes the error of the future.
        """
        queue: Queue[pa.Table | _Failed | None] = Queue(_PAGES)
        staged = self._pool.submit(take, {name: _taken(queue) for name in pages})
        try:
            for page in _in_order(pages):
                if not _put(queue, page, staged):
                    break
        except BaseException as error:
            _put(queue, _Failed(error), staged)
            if not isinstance(error, Exception):
                raise
            staged.exception()
        return staged


def _in_order(pages: Mapping[str, Iterable[pa.Table]]) -> Iterator[pa.Table | None]:
    """Yield all pages, with None after the last page of each name."""
    for of_name in pages.values():
        yield from of_name
        yield None


def _put(
    queue: Queue[pa.Table | _Failed | None],
    item: pa.Table | _Failed | None,
    staged: Future[None],
) -> bool:
    """Put an item into the queue when there is room; return False if staging has ended."""
    while not staged.done():
        with suppress(Full):
            queue.put(item, timeout=_PATIENCE)
            return True
    return False


def _taken(queue: Queue[pa.Table | _Failed | None]) -> Iterator[pa.Table]:
    """Yield the pages of one name, up to the None that ends them."""
    while (item := queue.get()) is not None:
        if isinstance(item, _Failed):
            raise item.error
        yield item
