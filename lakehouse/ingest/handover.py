"""Handing pages to where they are staged, while the next ones are read.

Sources are read by the thread that owns them, pages are staged by another. A few pages may wait in
between, so that memory stays bounded.
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
"""That wait to be staged."""
_PATIENCE = 0.05
"""Seconds after which it is asked whether anybody still takes pages."""


@dataclass(frozen=True)
class _Failed:
    error: BaseException


Taker: TypeAlias = Callable[[Mapping[str, Iterable["pa.Table"]]], None]
"""Stages the pages of each name."""


class Handover:
    """Has what is read staged, one round after the other, by a thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def read(self, pages: Mapping[str, Iterable[pa.Table]], take: Taker) -> Future[None]:
        """Read all pages; what becomes of staging them, which may take longer.

        An error of a source becomes that of staging, which is then over.
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
    """All pages; None where those of a name end."""
    for each in pages.values():
        yield from each
        yield None


def _put(
    queue: Queue[pa.Table | _Failed | None],
    item: pa.Table | _Failed | None,
    staged: Future[None],
) -> bool:
    """Wait for room; not if staging has failed, when nobody takes it."""
    while not staged.done():
        with suppress(Full):
            queue.put(item, timeout=_PATIENCE)
            return True
    return False


def _taken(queue: Queue[pa.Table | _Failed | None]) -> Iterator[pa.Table]:
    """The pages of one name."""
    while (item := queue.get()) is not None:
        if isinstance(item, _Failed):
            raise item.error
        yield item
