"""Fetching: what a run asks its sources for, in pieces that can fail alone and be kept.

A long window is fetched in pieces. Each is staged as it arrives, while the next one is read, and
noted in a journal: a run that was killed can be resumed without asking again for what is there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lakehouse import storage, windows
from lakehouse.errors import LakehouseError
from lakehouse.ingest.handover import Handover
from lakehouse.ingest.journal import Journal
from lakehouse.ingest.stage import Pages, Stage, stage
from lakehouse.project import WINDOW
from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.declare import IngestionSpec

PIECE = timedelta(days=62)
"""The longest window that is fetched and staged in one go."""
_BATCH_BYTES = 200_000_000
"""Of Parquet, which is about three times that in memory; a piece is never divided."""
_POSITIONS = 1 << 40
"""More rows than a piece has: later pieces count on from here."""


@dataclass(frozen=True)
class Fetch:
    """What one ingestion is to fetch, and how."""

    spec: IngestionSpec
    function: Callable[..., Any]
    parents: Mapping[str, Any]
    windows: Windows

    def pieces(self) -> list[Window]:
        """The windows to ask for, one after the other."""
        if self.spec.time_column is None or self.windows == (ALL_TIME,):
            return [ALL_TIME]
        return [piece for window in self.windows for piece in window.pieces(PIECE)]

    def read(self, window: Window) -> Iterator[pa.Table]:
        """What the source yields for a window."""
        given = {WINDOW: window} if WINDOW in self.spec.inputs else {}
        yield from self.function(**{**self.parents, **given})


@dataclass
class Fetched:
    """What arrived of one ingestion."""

    windows: Windows
    """What was asked for."""
    paths: list[str] = field(default_factory=list)
    rows: int = 0
    seconds: float = 0.0
    failed: dict[Window, str] = field(default_factory=dict)
    """The pieces that could not be had, with the error."""

    def batches(self, folder: Path) -> list[list[str]]:
        """The files in order, as many together as are merged at once; one batch at least.

        `folder` is where they are staged.
        """
        found: list[list[str]] = [[]]
        size = 0
        for path in self.paths:
            more = storage.beside(folder, path).stat().st_size
            if found[-1] and size + more > _BATCH_BYTES:
                found.append([])
                size = 0
            found[-1].append(path)
            size += more
        return found

    def covered(self, asked_at: datetime) -> Windows:
        """The time that has arrived, up to the minute in which it was asked for.

        What lay ahead then is yet to be fetched, though rows of it may have come.
        """
        minute = asked_at.replace(second=0, microsecond=0)
        return windows.before(windows.subtract(self.windows, self.failed), minute)


Pieces: TypeAlias = dict[str, Window]
"""What is asked of each ingestion in one round, and staged together."""


@dataclass(frozen=True)
class _Round:
    """Pieces that were read, and their staging, unless an earlier run did it."""

    index: int
    pieces: Pieces
    pages: dict[str, Pages]
    staged: Future[None] | None

    @property
    def is_done(self) -> bool:
        return self.staged is None or self.staged.done()


@dataclass(frozen=True)
class Done:
    """A round that is done, one way or the other."""

    number: int
    of: int
    pieces: Pieces
    is_kept: bool
    """Whether an earlier run had staged all of it."""
    error: str
    """Why it could not be had; empty if it could."""


Told: TypeAlias = Callable[[Done], None]


def fetch_all(
    fetches: Mapping[str, Fetch],
    *,
    group: str,
    folder: Path,
    journal: Journal,
    workers: int = 1,
    staging: Stage = stage,
    told: Told = lambda *_: None,
) -> dict[str, Fetched]:
    """Fetch and stage every piece; what fails is noted, unless nothing could be had at all.

    `workers` pieces are fetched at a time. Raises the source's error if the first piece fails.
    """
    rounds = _rounds(fetches)
    result = {name: Fetched(fetch.windows) for name, fetch in fetches.items()}
    arrived = 0
    waiting: deque[_Round] = deque()

    def take(
        pieces: Pieces, pages: Mapping[str, Pages], place: Path, given: Mapping[str, Any]
    ) -> None:
        """Stage a round and note it at once: it is kept even if the run ends."""
        for name, paths in staging(given, group=group, folder=place).items():
            journal.add(name, pieces[name], paths, pages[name].rows)

    with Handover() as handover:
        for index, (pieces, sources) in enumerate(_sources(fetches, rounds, journal, workers)):
            pages = {
                name: Pages(source, first=index * _POSITIONS) for name, source in sources.items()
            }
            stage_it = partial(take, pieces, pages, folder / str(index))
            staged = handover.read(pages, stage_it) if pages else None
            waiting.append(_Round(index, pieces, pages, staged))
            # While one is staged, the next is read.
            while waiting and (waiting[0].is_done or len(waiting) > 1):
                arrived += _finish(waiting.popleft(), result, told, len(rounds), arrived)
        for each in waiting:
            arrived += _finish(each, result, told, len(rounds), arrived)
    for name, fetched in result.items():
        for window in fetches[name].pieces():
            paths, rows = journal.find(name, window) or ([], 0)
            fetched.paths += paths
            fetched.rows += rows
    return result


def _finish(
    done: _Round,
    result: Mapping[str, Fetched],
    told: Told,
    of: int,
    arrived: int,
) -> bool:
    """Say what became of a round when it is staged; whether it arrived.

    Raises the error if no other one `arrived` before.
    """
    error = ""
    try:
        if done.staged is not None:
            done.staged.result()
    except LakehouseError as failure:
        if not arrived:
            raise
        error = failure.message
        for name, window in done.pieces.items():
            result[name].failed[window] = error
    for name, each in done.pages.items():
        result[name].seconds += each.seconds
    told(Done(done.index + 1, of, done.pieces, not done.pages, error))
    return not error


def _rounds(fetches: Mapping[str, Fetch]) -> list[Pieces]:
    """The n-th pieces of all ingestions together."""
    queues = [[(name, piece) for piece in fetch.pieces()] for name, fetch in fetches.items()]
    return [dict(filter(None, pieces)) for pieces in zip_longest(*queues)]


def _sources(
    fetches: Mapping[str, Fetch], rounds: Sequence[Pieces], journal: Journal, workers: int
) -> Iterator[tuple[Pieces, dict[str, Any]]]:
    """The tables of each round that are not there yet; `workers` rounds are read ahead."""
    missing = [
        {name: piece for name, piece in pieces.items() if journal.find(name, piece) is None}
        for pieces in rounds
    ]
    if workers == 1:
        for pieces, wanted in zip(rounds, missing, strict=True):
            yield pieces, {name: fetches[name].read(piece) for name, piece in wanted.items()}
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[dict[str, Future[list[pa.Table]]]] = deque()
        queue = iter(missing)
        for pieces in rounds:
            for wanted in islice(queue, workers - len(ahead)):
                futures = {
                    name: pool.submit(_read, fetches[name], piece) for name, piece in wanted.items()
                }
                ahead.append(futures)
            yield pieces, {name: _tables(future) for name, future in ahead.popleft().items()}


def _read(fetch: Fetch, window: Window) -> list[pa.Table]:
    return list(fetch.read(window))


def _tables(future: Future[list[pa.Table]]) -> Iterator[pa.Table]:
    yield from future.result()
