"""Pieces of a fetch: what a source answered for one window, and what of it was staged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lakehouse import windows
from lakehouse.declare.project_code import place_of, placed
from lakehouse.declare.raw_columns import validated
from lakehouse.declare.specs import WINDOW
from lakehouse.declare.unread import Unread
from lakehouse.errors import ProjectError, SourceError
from lakehouse.ingest.given_rows import pages
from lakehouse.ingest.plain_pages import plain
from lakehouse.plan.key_windows import Key, in_words, key_of
from lakehouse.windows import END, Window, Windows

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.declare.specs import IngestionSpec


@dataclass(frozen=True)
class Piece:
    """A staged window: its files, when the source was asked for it, and what it could not read."""

    window: Window
    paths: tuple[str, ...]
    rows: int
    asked_at: datetime
    unread: tuple[Unread, ...] = ()
    is_kept: bool = False
    """True if an earlier run asked the source."""

    @property
    def covered(self) -> Windows:
        """The part of the window up to the minute in which the source was asked.

        Later time has to be fetched again, even if rows of it have arrived.
        """
        minute = self.asked_at.replace(second=0, microsecond=0)
        return windows.before((self.window,), minute)

    @property
    def unread_keys(self) -> frozenset[Key]:
        """The keys whose rows could not be read."""
        return frozenset(key_of(unread.key) for unread in self.unread)


@dataclass
class Answer:
    """The answer of a source for one window, as an iterable of its pages."""

    spec: IngestionSpec
    function: Callable[..., Any]
    parents: Mapping[str, Any]
    window: Window
    clock: Callable[[], datetime]
    asked_at: datetime = END
    """The moment at which the source was asked for the first page."""
    unread: list[Unread] = field(default_factory=list)
    """The keys that the source could not read so far."""

    def __iter__(self) -> Iterator[pa.Table]:
        """Yield the pages. Raises ProjectError for what holds no rows, SourceError without a page.

        That is: if every key that the source has is one that could not be read.
        """
        self.asked_at, has_pages = self.clock(), False
        inputs = {WINDOW: self.window} if WINDOW in self.spec.inputs else {}
        with placed(f"{self.spec.table} could not be fetched", self.spec.function):
            for page in placed_pages(self.function(**{**self.parents, **inputs}), self.spec):
                if isinstance(page, Unread):
                    require_key(self.spec, page)
                    self.unread.append(page)
                else:
                    has_pages = True
                    yield page
        if self.unread and not has_pages:
            raise nothing_read(self.spec, self.unread)


def placed_pages(given: Any, spec: IngestionSpec) -> Iterator[pa.Table | Unread]:
    """Yield pages with plain types; an error about them names the place of the function."""
    try:
        for page in pages(given, spec):
            yield page if isinstance(page, Unread) else plain(page, spec.table)
    except ProjectError as error:
        if error.place:
            raise
        place = place_of(spec.function)
        raise ProjectError(error.message, hint=error.hint, place=place) from None


def require_key(spec: IngestionSpec, unread: Unread) -> None:
    """Raise ProjectError unless an Unread gives columns of the unique key values of their types."""
    columns = validated(spec)
    kinds: dict[str, type] = {}
    for name in spec.unique_key:
        if columns[name].is_string() or columns[name].is_integer():
            kinds[name] = str if columns[name].is_string() else int
    if not unread.key or any(
        type(value) is not kinds.get(name) for name, value in unread.key.items()
    ):
        raise ProjectError(
            f"{spec.table} yielded an Unread with the key {dict(unread.key)!r}",
            hint="give columns of its `unique_key` values: "
            + ", ".join(f"{name} (a {kind.__name__})" for name, kind in kinds.items()),
            place=place_of(spec.function),
        )


def nothing_read(spec: IngestionSpec, unread: Sequence[Unread]) -> SourceError:
    """Return the error of a source of which no key could be read."""
    reasons = dict.fromkeys(f"{in_words(key_of(each.key))}: {each.message}" for each in unread)
    return SourceError(
        f"nothing of {spec.table} could be read: {'; '.join(reasons)}", hint=unread[0].hint
    )
