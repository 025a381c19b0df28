"""Engines: they run SQL to build tables, check, query and publish them, and to ingest and compare.

`Engine` is the protocol of all engines. The SQL that they share is in `sql`; ingestion, `diff` and
maintenance write their own for DuckDB. Which tables and windows a run builds is decided in
`lakehouse.plan` and `lakehouse.build`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lakehouse.addresses import Address
from lakehouse.catalogs import Catalog, StoredTable
from lakehouse.compile.compiler import Statement
from lakehouse.keys import Keys
from lakehouse.plan.file_spans import FileSpan
from lakehouse.plan.state import Changed, TableState
from lakehouse.windows import ALL_TIME, Window, Windows, union

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa


@dataclass(frozen=True)
class Source:
    """A table that a statement names: stored, or a view with sources of its own."""

    name: str
    """The bare name by which the statement reads it."""
    schema: ibis.Schema
    stored: StoredTable | None = None
    view: Statement | None = None
    sources: tuple[Source, ...] = ()
    time_column: str | None = None
    hides_gone: bool = False
    """Whether rows that are marked as gone are left out, and the marks with them."""

    @property
    def most_rows(self) -> int:
        """Number of rows of the largest stored table that it reads."""
        if self.stored is not None:
            return self.stored.rows
        return max((source.most_rows for source in self.sources), default=0)


@dataclass(frozen=True)
class Build:
    """A request to an engine: build one model's table on a branch, as a whole or in part."""

    table: str
    statement: Statement
    sources: tuple[Source, ...]
    spans: tuple[tuple[Window, Window], ...]
    """The windows to replace, each with the window of inputs that its rows may depend on."""
    apart: bool
    """True if the windows are too large to be built in one statement."""
    keys: Keys | None
    """Keys whose rows are replaced, from inputs with these keys; None: rows of all keys."""
    time_column: str | None
    existing: StoredTable | None
    file_span: FileSpan
    """The span of time for each file, from the number of rows that are there or are expected."""
    covered: Windows
    """The windows that were ingested so far, from which the span of files is computed."""
    state: TableState
    """The state to store with the rows."""

    @property
    def windows(self) -> Windows:
        """The windows to replace."""
        return tuple(window for window, _ in self.spans)

    @property
    def is_whole(self) -> bool:
        """True if all rows of the table are replaced."""
        return union(self.windows) == (ALL_TIME,) and self.keys is None


@dataclass(frozen=True)
class Load:
    """Changed rows of a table, and the new Postgres table (schema, name) to write them to."""

    source: Source
    changed: Changed
    target: tuple[str, str]


@dataclass(frozen=True, eq=False)
class Question:
    """A statement that returns one row of counts; sources with a time column are cut to `cut`."""

    statement: Statement
    sources: Sequence[Source]
    cut: Window = ALL_TIME


class Engine(Protocol):
    """The methods that the framework calls on an engine."""

    @property
    def dialect(self) -> str:
        """Ibis' name of the engine's SQL dialect, for which statements are compiled."""
        ...

    @property
    def asks_together(self) -> bool:
        """Whether a statement costs more than what it does to a small table."""
        ...

    def build(
        self, catalog: Catalog, branch: str, build: Build
    ) -> tuple[StoredTable, int | Question]:
        """Replace rows of a table by those of its statement.

        Return it, and how many rows are new, or the question that counts them.
        """
        ...

    def define(self, catalog: Catalog, branch: str, table: str, view: Source) -> bool:
        """Store a view for users who query the engine directly; return whether it changed."""
        ...

    def rows(
        self, statement: Statement, sources: Sequence[Source], cut: Window = ALL_TIME
    ) -> pa.Table:
        """Return the rows of a statement; sources with a time column are cut to `cut`."""
        ...

    def counts(self, questions: Sequence[Question]) -> list[dict[str, int]]:
        """Return the counts of each question, by column, null as 0; many are asked at once."""
        ...

    def interrupt(self) -> None:
        """Stop the statements of other threads, which raise QueryError there."""
        ...

    def release(self) -> None:
        """Drop what the engine created to read refs and Postgres; it can still be used."""
        ...

    def sweep(self, branches: Callable[[], Collection[str]]) -> None:
        """Drop what dead processes left; every run does this. `branches` lists all that exist."""
        ...

    def query(self, sql: str, sources: Mapping[str, Source]) -> pa.Table:
        """Return the rows of a user's SQL; `sources` are its tables, by qualified name."""
        ...

    def prepare(self, branch: str) -> None:
        """Make what a run on a branch needs later, while there is time; again it does nothing."""
        ...

    def reach_postgres(self, address: Address) -> None:
        """Connect the engine to the Postgres to which tables will be written."""
        ...

    def load_postgres(self, address: Address, loads: Sequence[Load]) -> None:
        """Write changed rows of tables into new Postgres tables. Raises PublishError."""
        ...

    def close(self) -> None:
        """End the engine and free all that it holds; closing again does nothing."""
        ...
