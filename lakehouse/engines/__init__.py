"""Engines: they turn statements into rows of tables on a branch, and answer queries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lakehouse.addresses import Address
from lakehouse.catalogs import Catalog, StoredTable
from lakehouse.compile import Statement
from lakehouse.keys import Keys
from lakehouse.layout import FileSpan
from lakehouse.state import Changed, TableState
from lakehouse.windows import ALL_TIME, Window, Windows, union

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa


@dataclass(frozen=True)
class Source:
    """A table that a statement names: stored, or a view with sources of its own."""

    name: str
    """The bare name that the statement uses."""
    schema: ibis.Schema
    stored: StoredTable | None = None
    view: Statement | None = None
    sources: tuple[Source, ...] = ()
    time_column: str | None = None

    @property
    def most_rows(self) -> int:
        """The rows of the largest stored table that it reads."""
        if self.stored is not None:
            return self.stored.rows
        return max((source.most_rows for source in self.sources), default=0)


@dataclass(frozen=True)
class Build:
    """What an engine is to make of one model."""

    table: str
    statement: Statement
    sources: tuple[Source, ...]
    spans: tuple[tuple[Window, Window], ...]
    """The windows to replace, each with how far its rows may reach into the inputs."""
    apart: bool
    """Whether the windows are too large to be built in one statement."""
    keys: Keys | None
    """Only rows of these keys are replaced, from inputs of these keys; None: of any."""
    time_column: str | None
    existing: StoredTable | None
    file_span: FileSpan
    """The time that a file is to hold, going by the rows that there are, or else may be."""
    covered: Windows
    """The windows that were ingested so far, for the layout of files."""
    state: TableState
    """The state to leave with the rows."""

    @property
    def windows(self) -> Windows:
        """The windows to replace."""
        return tuple(window for window, _ in self.spans)

    @property
    def is_whole(self) -> bool:
        """Whether all rows of the table are replaced."""
        return union(self.windows) == (ALL_TIME,) and self.keys is None


@dataclass(frozen=True)
class Load:
    """Changed rows of a table, and the new Postgres table (schema, name) that they are to fill."""

    source: Source
    changed: Changed
    target: tuple[str, str]


@dataclass(frozen=True, eq=False)
class Question:
    """A statement whose one row is counts; sources with a time column are cut to the window."""

    statement: Statement
    sources: Sequence[Source]
    cut: Window = ALL_TIME


class Engine(Protocol):
    """What the framework asks of an engine."""

    @property
    def dialect(self) -> str:
        """The name that Ibis knows its SQL by; statements are compiled for it."""
        ...

    def build(self, catalog: Catalog, branch: str, build: Build) -> tuple[StoredTable, int]:
        """Replace rows of a table by what its statement gives; the table, the rows built."""
        ...

    def define(self, catalog: Catalog, branch: str, table: str, view: Source) -> bool:
        """Make a view known to those who ask the engine without us; whether that was news."""
        ...

    def rows(
        self, statement: Statement, sources: Sequence[Source], cut: Window = ALL_TIME
    ) -> pa.Table:
        """The rows of a statement; sources with a time column are cut to the window."""
        ...

    def counts(self, questions: Sequence[Question]) -> list[dict[str, int]]:
        """The row of each question, by column; null counts as 0. Many are one statement."""
        ...

    def interrupt(self) -> None:
        """Stop what other threads are having it do; it raises there."""
        ...

    def release(self) -> None:
        """Drop what it made for the refs it was asked about; it may be asked again."""
        ...

    def sweep(self, branches: Collection[str]) -> None:
        """Before a run: drop what dead processes left; `branches` are those that exist."""
        ...

    def query(self, sql: str, sources: Mapping[str, Source]) -> pa.Table:
        """The rows of a user's SQL over tables known by their qualified names."""
        ...

    def load_postgres(self, address: Address, loads: Sequence[Load]) -> None:
        """Write changed rows of tables into new Postgres tables. Raises PublishError."""
        ...

    def close(self) -> None:
        """Give back all that it holds, for good; closing it again does nothing."""
        ...
