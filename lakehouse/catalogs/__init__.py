"""Catalogs: refs, and the tables of each ref. A run works on a branch; main moves by merges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lakehouse.state import TableState
from lakehouse.windows import Window

if TYPE_CHECKING:
    import pyarrow as pa

MAIN = "main"


@dataclass(frozen=True)
class StoredTable:
    """A table as one ref has it."""

    name: str
    """Qualified: 'silver.readings'."""
    metadata: str
    """Location of the Iceberg metadata file, which names everything else."""
    state: TableState
    rows: int
    ref: str
    """Where it was found; engines that name no files read it there."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table; `entry` is the catalog's own record of it."""

    path: str
    rows: int
    entry: Any
    span: Window | None = None
    """The time of its rows, going by its statistics; None if they do not say."""
    has_deletes: bool = False
    """Whether some of its rows are deleted, which only the table's metadata says."""

    def may_hold(self, reach: Sequence[Window]) -> bool:
        """Whether it may hold rows of one of the windows."""
        return self.span is None or any(self.span.overlaps(window) for window in reach)


@dataclass(frozen=True)
class TableChange:
    """Data files to swap, and the state to leave with them."""

    table: str
    schema: pa.Schema
    remove: Sequence[DataFile]
    add: Sequence[str]
    state: TableState


@dataclass(frozen=True)
class Commit:
    """One state of the whole lakehouse, reached by one merge."""

    id: str
    sequence: int
    run_id: str
    message: str
    author: str
    committed_at: datetime
    tables: tuple[str, ...]
    """The tables that the merge changed."""
    readable: bool = True
    """Whether its tables can still be read; `expire` ends that."""


@dataclass(frozen=True)
class Branch:
    """A run's own state of the lakehouse, not merged yet."""

    name: str
    base: str
    created_at: datetime


@dataclass(frozen=True)
class ViewText:
    """A view as engines that read the catalog without us understand it."""

    name: str
    """Qualified, like a table's."""
    sql: str
    dialect: str
    schema: pa.Schema
    catalog: str
    """What main is called in such an engine."""


@runtime_checkable
class KeepsViews(Protocol):
    """A catalog that others read, too, so that views are kept beside the tables."""

    def write_view(self, branch: str, view: ViewText) -> bool:
        """Make the view on a branch what it should be; whether it was something else."""
        ...


class Catalog(Protocol):
    """What the framework asks of a catalog."""

    def head(self) -> Commit | None:
        """The newest commit of main; None before the first merge."""
        ...

    def log(self, limit: int | None = None) -> list[Commit]:
        """The commits of main, newest first."""
        ...

    def commit(self, ref: str) -> Commit:
        """The commit that main, a tag, or a commit's id or unique beginning stands for.

        Raises UnknownNameError; a branch has no commit of its own.
        """
        ...

    def made_by(self, run_id: str) -> Commit | None:
        """The newest commit of a run; None if it made none."""
        ...

    def at(self, moment: datetime) -> Commit:
        """The newest commit that says it was made by a moment, which main had then.

        Commits follow each other whatever the clock said: one that was made while it was set ahead
        counts as made when the next one was. Raises UnknownNameError before the first.
        """
        ...

    def tags(self) -> dict[str, str]:
        """The id of the commit that each tag names."""
        ...

    def tag(self, name: str, ref: str) -> Commit:
        """Name the commit of a ref; a tag that exists is not moved. Raises UnknownNameError."""
        ...

    def drop_tag(self, name: str) -> None:
        """Forget a tag; the commit stays. Raises UnknownNameError."""
        ...

    def tables(self, ref: str) -> dict[str, StoredTable]:
        """The tables of main, a branch, a tag or a commit. Raises UnknownNameError."""
        ...

    def places(self, ref: str) -> dict[str, str]:
        """Where each table of the ref has its metadata, without reading it."""
        ...

    def branches(self) -> list[Branch]:
        """The branches that exist, oldest first."""
        ...

    def create_branch(self, name: str) -> None:
        """Start a branch where main stands."""
        ...

    def drop_branch(self, name: str) -> None:
        """Forget a branch; main is not touched."""
        ...

    def secure(self, branch: str) -> None:
        """Wait until what this process wrote on a branch survives a power cut.

        A merge does so before main names it.
        """
        ...

    def merge(self, branch: str, *, run_id: str, message: str) -> Commit:
        """Move main to the branch's tables, all at once, and drop the branch.

        Raises MergeConflictError if main moved in a table that the branch changed.
        """
        ...

    def rollback(self, ref: str, *, run_id: str, message: str) -> Commit:
        """Give main the tables of an earlier commit, all at once, by a new commit.

        Tables that the commit did not have vanish from main; commits, tags and branches stay.
        If main has these tables already, its newest commit is given and nothing is written.
        Raises UnknownNameError, and MergeConflictError if main moves meanwhile.
        """
        ...

    def expirable(self, before: datetime) -> list[Commit]:
        """The readable commits made before a moment that nothing keeps.

        main's newest is kept, and those that tags name or that branches were made from.
        """
        ...

    def expire(self, before: datetime) -> None:
        """Let go of the commits that are `expirable`: they stay in the log, unreadable."""
        ...

    def needed(self, since: datetime) -> set[str]:
        """The metadata files of main, of branches, and of commits not `expirable` before that."""
        ...

    def checksums(self) -> dict[str, int]:
        """What tells files of tables from damaged ones, by path; nothing for those of a bucket."""
        ...

    def forget_files(self, paths: Iterable[Path]) -> None:
        """Forget the checksums of files that were removed."""
        ...

    def location(self, table: str) -> str:
        """The folder of a table's files."""
        ...

    def files(self, ref: str, table: str, time_column: str | None = None) -> list[DataFile]:
        """The data files of a table, with the span of its time column."""
        ...

    def write(self, branch: str, change: TableChange) -> StoredTable:
        """Apply a change to a table of a branch, in one commit of that table.

        A table that does not exist is created. With other columns than the table has, every
        file of it must be among the removed ones, and the table starts afresh.
        """
        ...

    def adopt(self, branch: str, table: str) -> StoredTable:
        """A table that an engine wrote by itself, made fit for others to write to."""
        ...

    def close(self) -> None:
        """Close its connections; closing it again does nothing."""
        ...
