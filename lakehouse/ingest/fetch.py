"""Fetching: a run reads its sources in pieces, each of which may fail without the others.

A long window is fetched in pieces. Each is staged as it arrives, while the next one is read, and
noted in a journal: a run that was killed can be resumed without fetching staged pieces again.
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
from lakehouse.declare.project import WINDOW
from lakehouse.declare.project_code import place_of, placed
from lakehouse.errors import LakehouseError, ProjectError
from lakehouse.ingest.journal import Journal
from lakehouse.ingest.page_queue import PageQueue
from lakehouse.ingest.plain_pages import plain
from lakehouse.ingest.stage import Pages, Stage, stage
from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.declare.specs import IngestionSpec

PIECE = timedelta(days=62)
"""Length of the longest window that is fetched and staged at once."""
_BATCH_BYTES = 200_000_000
"""Bytes of Parquet that are merged at once; they take about three times as much memory."""
_POSITIONS = 1 << 40
"""Positions that are reserved for the rows of a round; no piece has as many rows."""


@dataclass(frozen=True)
class Fetch:
    """The windows that one ingestion is to fetch, and the function that reads its source."""

    spec: IngestionSpec
    function: Callable[..., Any]
    parents: Mapping[str, Any]
    windows: Windows
    report: Callable[[Fetched], None] = lambda _: None
    """Called with what arrived."""

    def pieces(self) -> list[Window]:
        """Return the windows to fetch, one after the other, each at most `PIECE` long."""
        if self.spec.time_column is None or self.windows == (ALL_TIME,):
            return [ALL_TIME]
        return [piece for window in self.windows for piece in window.pieces(PIECE)]

    def read(self, window: Window) -> Iterator[pa.Table]:
        """Yield the pages of the source for a window. Raises ProjectError for what is no page."""
        import pyarrow as pa

        inputs = {WINDOW: window} if WINDOW in self.spec.inputs else {}
        with placed(f"{self.spec.table} could not be fetched", self.spec.function):
            for page in self.function(**{**self.parents, **inputs}):
                if not isinstance(page, pa.Table):
                    raise ProjectError(
                        f"{self.spec.table} yielded {type(page).__name__}, not a table",
                        hint="an ingestion yields tables of pyarrow",
                        place=place_of(self.spec.function),
                    )
                yield plain(page, self.spec.table)


@dataclass
class Fetched:
    """The staged rows of one ingestion."""

    windows: Windows
    """Windows that were asked for."""
    paths: list[str] = field(default_factory=list)
    """Staged Parquet files, in the order of their windows."""
    rows: int = 0
    seconds: float = 0.0
    """Time that the source took."""
    failed: dict[Window, str] = field(default_factory=dict)
    """Error message of each piece that could not be fetched or staged."""

    def batches(self, folder: Path) -> list[list[str]]:
        """Return the files in order, grouped into batches, each of which is merged at once.

        A file is never divided; without files, there is one empty batch. `folder` is where the
        files are staged.
        """
        batches: list[list[str]] = [[]]
        batch_bytes = 0
        for path in self.paths:
            file_bytes = storage.beside(folder, path).stat().st_size
            if batches[-1] and batch_bytes + file_bytes > _BATCH_BYTES:
                batches.append([])
                batch_bytes = 0
            batches[-1].append(path)
            batch_bytes += file_bytes
        return batches

    def covered(self, asked_at: datetime) -> Windows:
        """Return the fetched windows, up to the minute in which the source was asked.

        Later time has to be fetched again, even if rows of it have arrived.
        """
        minute = asked_at.replace(second=0, microsecond=0)
        return windows.before(windows.subtract(self.windows, self.failed), minute)


Pieces: TypeAlias = dict[str, Window]
"""The window of each ingestion in one round; the pieces of a round are staged together."""


@dataclass(frozen=True)
class _Round:
    """Pieces that were read, and the future of their staging."""

    index: int
    pieces: Pieces
    pages: dict[str, Pages]
    staged: Future[None] | None
    """None if an earlier run staged all pieces."""

    @property
    def is_done(self) -> bool:
        return self.staged is None or self.staged.done()


@dataclass(frozen=True)
class Done:
    """A round that has ended, staged or failed."""

    number: int
    """Number of the round, from 1."""
    of: int
    """Number of all rounds."""
    pieces: Pieces
    is_kept: bool
    """True if an earlier run had staged all pieces."""
    error: str
    """The reason why it failed; empty if it is staged."""


Progress: TypeAlias = Callable[[Done], None]


def fetch_all(
    fetches: Mapping[str, Fetch],
    *,
    group: str,
    folder: Path,
    journal: Journal,
    workers: int = 1,
    staging: Stage = stage,
    progress: Progress = lambda *_: None,
) -> dict[str, Fetched]:
    """Fetch and stage all pieces; return what arrived of each ingestion.

    `workers` pieces are fetched at a time. If a round fails after another has arrived, its error is
    noted in the result; else it is raised.
    """
    rounds = _rounds(fetches)
    result = {name: Fetched(fetch.windows) for name, fetch in fetches.items()}
    arrived = 0
    waiting: deque[_Round] = deque()

    def take(
        pieces: Pieces, pages: Mapping[str, Pages], place: Path, queued: Mapping[str, Any]
    ) -> None:
        """Stage a round and note it at once: it is kept even if the run ends.

        `queued` are the rows of `pages`, as they come out of the queue.
        """
        for name, paths in staging(queued, group=group, folder=place).items():
            journal.add(name, pieces[name], paths, pages[name].rows)

    with PageQueue() as queue:
        for index, (pieces, sources) in enumerate(_sources(fetches, rounds, journal, workers)):
            pages = {
                name: Pages(source, first=index * _POSITIONS) for name, source in sources.items()
            }
            stage_it = partial(take, pieces, pages, folder / str(index))
            staged = queue.read(pages, stage_it) if pages else None
            waiting.append(_Round(index, pieces, pages, staged))
            # One round is staged while the next one is read.
            while waiting and (waiting[0].is_done or len(waiting) > 1):
                arrived += _finish(waiting.popleft(), result, progress, len(rounds), arrived)
        for last in waiting:
            arrived += _finish(last, result, progress, len(rounds), arrived)
    for name, fetched in result.items():
        for window in fetches[name].pieces():
            paths, rows = journal.find(name, window) or ([], 0)
            fetched.paths += paths
            fetched.rows += rows
    return result


def _finish(
    done: _Round,
    result: Mapping[str, Fetched],
    progress: Progress,
    of: int,
    arrived: int,
) -> bool:
    """Wait until a round is staged, and report it; return whether it arrived.

    Raises the error of a failed round if no other round `arrived` before.
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
    for name, pages in done.pages.items():
        result[name].seconds += pages.seconds
    progress(Done(done.index + 1, of, done.pieces, not done.pages, error))
    return not error


def _rounds(fetches: Mapping[str, Fetch]) -> list[Pieces]:
    """Return the rounds: round n has the n-th piece of every ingestion that has so many."""
    queues = [[(name, piece) for piece in fetch.pieces()] for name, fetch in fetches.items()]
    return [dict(filter(None, pieces)) for pieces in zip_longest(*queues)]


def _sources(
    fetches: Mapping[str, Fetch], rounds: Sequence[Pieces], journal: Journal, workers: int
) -> Iterator[tuple[Pieces, dict[str, Any]]]:
    """Yield each round with the pages that are not staged yet; `workers` rounds are read ahead."""
    missing = [
        {name: piece for name, piece in pieces.items() if journal.find(name, piece) is None}
        for pieces in rounds
    ]
    if workers == 1:
        for pieces, to_fetch in zip(rounds, missing, strict=True):
            yield pieces, {name: fetches[name].read(piece) for name, piece in to_fetch.items()}
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[dict[str, Future[list[pa.Table]]]] = deque()
        queue = iter(missing)
        for pieces in rounds:
            for to_fetch in islice(queue, workers - len(ahead)):
                futures = {
                    name: pool.submit(_read, fetches[name], piece)
                    for name, piece in to_fetch.items()
                }
                ahead.append(futures)
            yield pieces, {name: _tables(future) for name, future in ahead.popleft().items()}


def _read(fetch: Fetch, window: Window) -> list[pa.Table]:
    return list(fetch.read(window))


def _tables(future: Future[list[pa.Table]]) -> Iterator[pa.Table]:
    yield from future.result()
