"""Fetching: a run reads its sources in pieces, each of which may fail without the others.

A long window is fetched in pieces. Each is staged as it arrives, while the next one is read, and
noted in a journal: a run that was killed can be resumed without fetching staged pieces again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lakehouse import windows
from lakehouse.errors import LakehouseError
from lakehouse.ingest.file_answer import FileAnswer
from lakehouse.ingest.folder import Folder
from lakehouse.ingest.journal import Journal
from lakehouse.ingest.page_queue import PageQueue
from lakehouse.ingest.piece import Answer, Piece
from lakehouse.ingest.stage import Pages, Stage, stage
from lakehouse.plan import key_windows
from lakehouse.plan.key_windows import Key, KeyWindows
from lakehouse.system import clock
from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.declare.specs import IngestionSpec

PIECE = timedelta(days=62)
"""Length of the longest window that is fetched and staged at once."""
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
    told: Mapping[str, Any] = field(default_factory=dict)
    """What the function takes beside a window and resources, such as `since`."""
    folder: Folder | None = None
    """The files to read, if the source is a folder."""

    def pieces(self) -> list[Window]:
        """Return the windows to fetch, one after the other, each at most `PIECE` long."""
        if not self.spec.by_window or self.windows == (ALL_TIME,):
            return [ALL_TIME]
        return [piece for window in self.windows for piece in window.pieces(PIECE)]

    def answer(self, window: Window, now: Callable[[], datetime]) -> Answer:
        """Return the answer of the source for a window; it is asked when the answer is iterated."""
        given = (self.spec, self.function, {**self.parents, **self.told}, window, now)
        return Answer(*given) if self.folder is None else FileAnswer(*given, folder=self.folder)


@dataclass
class Fetched:
    """The staged rows of one ingestion."""

    pieces: list[Piece] = field(default_factory=list)
    """The pieces that were staged, in order."""
    seconds: float = 0.0
    """Time that the run waited for the source, which may read ahead meanwhile."""
    failed: dict[Window, str] = field(default_factory=dict)
    """Error message of each piece that could not be fetched or staged."""

    @property
    def paths(self) -> list[str]:
        """The staged Parquet files, in the order of their windows."""
        return [path for piece in self.pieces for path in piece.paths]

    @property
    def rows(self) -> int:
        """Number of staged rows."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def covered(self) -> Windows:
        """The windows that were fetched, each up to the minute in which its source was asked."""
        return windows.union(part for piece in self.pieces for part in piece.covered)

    def unread_after(self, before: Iterable[KeyWindows], run: str) -> tuple[KeyWindows, ...]:
        """Return the windows that are unread by key, given those `before` this fetch."""
        earlier, new = list(before), dict[Key, list[Window]]()
        for piece in self.pieces:
            for key in piece.unread_keys:
                new.setdefault(key, []).extend(piece.covered)
        settled = {
            entry.key: windows.union(
                part
                for piece in self.pieces
                if not _lacks(piece, entry.key)
                for part in piece.covered
            )
            for entry in earlier
        }
        return key_windows.noted_after(earlier, settled, new, run)


def _lacks(piece: Piece, key: Key) -> bool:
    """Return whether a piece may lack rows of a key."""
    return any(key_windows.may_share_rows(key, unread) for unread in piece.unread_keys)


Pieces: TypeAlias = dict[str, Window]
"""The window of each ingestion in one round; the pieces of a round are staged together."""


@dataclass(frozen=True)
class _Round:
    """Pieces that were read, and the future of their staging."""

    index: int
    pieces: Pieces
    pages: Mapping[str, Pages]
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
    journal: Journal,
    workers: int = 1,
    staging: Stage = stage,
    progress: Progress = lambda *_: None,
    once_read: Callable[[], None] = lambda: None,
    now: Callable[[], datetime] = clock.now,
) -> dict[str, Fetched]:
    """Fetch and stage all pieces; return what arrived of each ingestion.

    Files are staged beside the `journal`, under the name of the `group`. `workers` pieces are
    fetched at a time; `now` says when each was asked for. `once_read` is called when all sources
    are read, and the last pages are being staged. If a round fails after another has arrived, its
    error is noted in the result; else it is raised.
    """
    rounds = _rounds(fetches)
    result = {name: Fetched() for name in fetches}
    arrived = 0
    waiting: deque[_Round] = deque()

    def take(
        answers: Mapping[str, Answer],
        pages: Mapping[str, Pages],
        place: Path,
        queued: Mapping[str, Any],
    ) -> None:
        """Stage a round and note it at once: it is kept even if the run ends.

        `queued` are the rows of `pages`, as they come out of the queue.
        """
        for name, paths in staging(queued, group=group, folder=place).items():
            answer, rows = answers[name], pages[name].rows
            unread = tuple(answer.unread)
            piece = Piece(answer.window, tuple(paths), rows, answer.asked_at, unread)
            journal.add(name, piece)

    with PageQueue() as queue:
        missing = _missing(fetches, rounds, journal, now)
        for index, (answers, sources) in enumerate(_sources(missing, workers)):
            pages = {
                name: Pages(source, first=index * _POSITIONS) for name, source in sources.items()
            }
            stage_it = partial(take, answers, pages, journal.path.parent / str(index))
            staged = queue.read(pages, stage_it) if pages else None
            waiting.append(_Round(index, rounds[index], pages, staged))
            # One round is staged while the next one is read.
            while waiting and (waiting[0].is_done or len(waiting) > 1):
                arrived += _finish(waiting.popleft(), result, progress, len(rounds), arrived)
        once_read()
        for last in waiting:
            arrived += _finish(last, result, progress, len(rounds), arrived)
    for name, fetched in result.items():
        own = fetches[name].spec.by_state
        found = (journal.find(name, window, own=own) for window in fetches[name].pieces())
        fetched.pieces += (piece for piece in found if piece is not None)
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


def _missing(
    fetches: Mapping[str, Fetch],
    rounds: Sequence[Pieces],
    journal: Journal,
    now: Callable[[], datetime],
) -> list[dict[str, Answer]]:
    """Return, for each round, the answers of the sources whose pieces are not staged yet."""
    return [
        {
            name: fetches[name].answer(piece, now)
            for name, piece in pieces.items()
            if journal.find(name, piece, own=fetches[name].spec.by_state) is None
        }
        for pieces in rounds
    ]


def _sources(
    rounds: Sequence[dict[str, Answer]], workers: int
) -> Iterator[tuple[dict[str, Answer], Mapping[str, Iterable[pa.Table]]]]:
    """Yield the answers of each round with their pages; `workers` rounds are read ahead."""
    if workers == 1:
        yield from ((answers, answers) for answers in rounds)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[dict[str, Future[list[pa.Table]]]] = deque()
        queue = iter(rounds)
        for answers in rounds:
            for to_fetch in islice(queue, workers - len(ahead)):
                ahead.append({name: pool.submit(list, each) for name, each in to_fetch.items()})
            yield answers, {name: _tables(future) for name, future in ahead.popleft().items()}


def _tables(future: Future[list[pa.Table]]) -> Iterator[pa.Table]:
    yield from future.result()
