"""Catalogs: they keep refs, and which Iceberg tables and files each ref has.

A run works on a branch; main moves by merges. `Catalog` is the protocol of all catalogs. The rows
in the files are read and written by `lakehouse.engines`, not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lakehouse.plan.state import TableState
from lakehouse.windows import Window

if TYPE_CHECKING:
    import pyarrow as pa

MAIN = "main"


@dataclass(frozen=True)
class StoredTable:
    """A table as it stands on one ref."""

    name: str
    """Qualified name, such as 'silver.readings'."""
    metadata: str
    """Address of the Iceberg metadata file, which names all other files of the table."""
    state: TableState
    rows: int
    ref: str
    """The ref it was read from; engines that go by table names instead of files read it there."""
    columns: tuple[str, ...] = ()
    size: int = 0
    """Bytes of its data files."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table; `entry` is PyIceberg's record of it."""

    path: str
    rows: int
    entry: Any
    span: Window | None = None
    """Time span of its rows, from the file's statistics; None if these hold no bounds."""
    has_deletes: bool = False
    """True if delete files of the table remove some of its rows."""

    def may_hold(self, reach: Sequence[Window]) -> bool:
        """Return whether the file may hold rows of one of the windows."""
        return self.span is None or any(self.span.overlaps(window) for window in reach)


@dataclass(frozen=True)
class TableChange:
    """Data files to remove from and to add to a table, and its state after that."""

    table: str
    schema: pa.Schema
    remove: Sequence[DataFile]
    add: Sequence[str]
    state: TableState


@dataclass(frozen=True)
class Commit:
    """A state of the whole lakehouse on main, made by one merge or rollback."""

    id: str
    sequence: int
    run_id: str
    message: str
    author: str
    committed_at: datetime
    tables: tuple[str, ...]
    """The tables that the merge changed."""
    readable: bool = True
    """True as long as its tables can be read; `expire` makes it False."""


@dataclass(frozen=True)
class Branch:
    """A state of the lakehouse that a run works on, not merged into main yet."""

    name: str
    base: str
    created_at: datetime


@dataclass(frozen=True)
class ViewText:
    """A view in the SQL of an engine that others use without this framework."""

    name: str
    """Qualified name, such as 'silver.readings'."""
    sql: str
    dialect: str
    schema: pa.Schema
    catalog: str
    """Name that this engine has for the catalog of main."""


@runtime_checkable
class KeepsViews(Protocol):
    """A catalog that stores views beside the tables, because other programs read it, too."""

    def write_view(self, branch: str, view: ViewText) -> bool:
        """Create or replace a view on a branch; return whether that changed anything."""
        ...


@runtime_checkable
class BeginsMain(Protocol):
    """A catalog on a server where several lakehouses have main branches of their own."""

    def create_main(self) -> None:
        """Create the main branch, empty. Raises StorageError if it exists."""
        ...


class Catalog(Protocol):
    """The methods that the framework calls on a catalog."""

    def head(self) -> Commit | None:
        """The newest commit of main; None before the first merge."""
        ...

    def log(self, limit: int | None = None) -> list[Commit]:
        """The commits of main, newest first."""
        ...

    def commit(self, ref: str) -> Commit:
        """The commit that `ref` means: main, a tag, a commit's id or its unique first characters.

        Raises UnknownNameError; a branch has no commit of its own.
        """
        ...

    def made_by(self, run_id: str) -> Commit | None:
        """The newest commit of a run; None if it made none."""
        ...

    def at(self, moment: datetime) -> Commit:
        """The newest commit whose time is at or before `moment`: what main was then.

        Commits keep their order if the clock was wrong: one that was made while the clock was set
        ahead counts as made at the time of the next one. Raises UnknownNameError if `moment` is
        before the first commit.
        """
        ...

    def tags(self) -> dict[str, str]:
        """The id of the commit that each tag names."""
        ...

    def tag(self, name: str, ref: str) -> Commit:
        """Give the commit of a ref a name; an existing tag stays. Raises UnknownNameError."""
        ...

    def drop_tag(self, name: str) -> None:
        """Remove a tag; its commit stays. Raises UnknownNameError."""
        ...

    def tables(self, ref: str) -> dict[str, StoredTable]:
        """The tables of main, a branch, a tag or a commit. Raises UnknownNameError."""
        ...

    def places(self, ref: str) -> dict[str, str]:
        """The address of each table's metadata file on a ref, by table name.

        Such a file is read where only it tells whose the table is: on a server that others share.
        """
        ...

    def strangers(self, ref: str) -> dict[str, str]:
        """The tables of others on a ref, by name: each one's metadata file, or '' without one.

        No other method sees them. Raises UnknownNameError.
        """
        ...

    def branches(self) -> list[Branch]:
        """The branches that exist, oldest first."""
        ...

    def create_branch(self, name: str) -> None:
        """Create a branch from the newest commit of main."""
        ...

    def drop_branch(self, name: str) -> None:
        """Remove a branch; main stays as it is."""
        ...

    def secure(self, branch: str) -> None:
        """Wait until what this process wrote on a branch survives a power cut.

        `merge` does this before it moves main.
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
        If main has exactly these tables, writes nothing and returns its newest commit.
        Raises UnknownNameError, and MergeConflictError if main moves meanwhile.
        """
        ...

    def expirable(self, before: datetime) -> list[Commit]:
        """Commits that `expire(before)` makes unreadable: those made before, if nothing keeps them.

        Kept are main's newest commit, tagged ones, and those that branches were made from.
        """
        ...

    def expire(self, before: datetime) -> None:
        """Mark the `expirable` commits as unreadable; they stay in the log."""
        ...

    def needed(self, since: datetime) -> set[str]:
        """Metadata files of main, of branches, and of commits that `expire(since)` would keep."""
        ...

    def table_folders(self) -> frozenset[str] | None:
        """The folders of tables and views, now or before; None if all in the warehouse are."""
        ...

    def checksums(self) -> dict[str, int]:
        """CRC-32 of each table file when it was written, by path; empty for files in a bucket."""
        ...

    def forget_files(self, paths: Iterable[Path]) -> None:
        """Remove the checksums of files that were deleted."""
        ...

    def location(self, table: str) -> str:
        """The address of the folder that holds a table's files."""
        ...

    def files(self, ref: str, table: str, time_column: str | None = None) -> list[DataFile]:
        """The data files of a table, each with the span of `time_column` if one is named."""
        ...

    def write(self, branch: str, change: TableChange) -> StoredTable:
        """Apply a change to a table of a branch, in one commit of that table.

        Creates the table if it does not exist. If the columns differ from the table's, the change
        must remove every file, and the table is created anew. Raises StorageError otherwise.
        """
        ...

    def adopt(self, branch: str, table: str) -> StoredTable:
        """Register how columns of a table that an engine wrote are matched; return the table."""
        ...

    def close(self) -> None:
        """Close the connections; closing again does nothing."""
        ...
