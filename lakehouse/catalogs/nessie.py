"""The catalog of the production profile: Nessie, whose refs are states of the whole lakehouse.

Refs and the log go through pynessie; merges and lists of tables through version 2 of Nessie's own
API, where a merge has a message, an author and properties. Tables use Nessie's Iceberg REST
catalog, through PyIceberg.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.catalogs import (
    MAIN,
    Branch,
    Commit,
    DataFile,
    StoredTable,
    TableChange,
    ViewText,
    iceberg,
    names,
    nessie_keeping,
    nessie_main,
    nessie_operations,
)
from lakehouse.catalogs.nessie_contents import Contents, Entries
from lakehouse.catalogs.nessie_errors import (
    ConflictError,
    NotFoundError,
    UnansweredError,
    no_main,
)
from lakehouse.catalogs.nessie_history import RUN, Expired, History
from lakehouse.catalogs.nessie_http import Nessie
from lakehouse.catalogs.nessie_keeping import Keeping
from lakehouse.catalogs.nessie_names import Names, quoted
from lakehouse.catalogs.nessie_refs import Refs
from lakehouse.config import Servers
from lakehouse.errors import MergeConflictError, StorageError, UnknownNameError
from lakehouse.identity.access import Access
from lakehouse.system import users

if TYPE_CHECKING:
    from lakehouse.catalogs.nessie_tables import NessieTables

_HASH = re.compile(r"[0-9a-f]{64}")


class NessieCatalog:
    """Refs and tables on a Nessie server; implements `Catalog`."""

    def __init__(self, servers: Servers) -> None:
        self._access = Access(servers.nessie_identity)
        self.nessie = Nessie(servers.nessie_url, self._access)
        self.names = Names(servers.nessie_branch)
        self.refs = Refs(servers.nessie_url, self.names, self._access)
        self.history = History(self.refs, self.nessie, lambda: self.places(MAIN), self._expired)
        self.bucket = servers.bucket
        self.warehouse, self._name = servers.warehouse, servers.nessie_warehouse
        self.contents = Contents(self.nessie, self.bucket, self.history)
        self.keeping = Keeping(self.refs, self.history, self.contents, self.branches)

    def head(self) -> Commit | None:
        return next(self.history.log(), None)

    def log(self, limit: int | None = None) -> list[Commit]:
        return list(islice(self.history.log(), limit))

    def commit(self, ref: str) -> Commit:
        return self.history.resolve(ref)

    def made_by(self, run_id: str) -> Commit | None:
        commits = self.history.log()
        return next((commit for commit in commits if commit.run_id == run_id), None)

    def at(self, moment: datetime) -> Commit:
        return self.history.at(moment)

    def tags(self) -> dict[str, str]:
        return self.refs.tags()

    def tag(self, name: str, ref: str) -> Commit:
        commit = self._readable(self.history.resolve(ref))
        self.history.tag(name, commit)
        return commit

    def drop_tag(self, name: str) -> None:
        self.history.drop_tag(name)

    def tables(self, ref: str) -> dict[str, StoredTable]:
        address = self._address(ref)
        if not address.startswith("@"):
            address = quoted(ref)
        try:
            stored = self.contents.own(self._contents(ref)).values()
        except StorageError:
            if _HASH.fullmatch(ref):
                self._readable(self.history.resolve(ref))
            raise
        return {table.name: replace(table, ref=address) for table in stored}

    def places(self, ref: str) -> dict[str, str]:
        return {
            name: table.metadata for name, table in self.contents.own(self._contents(ref)).items()
        }

    def strangers(self, ref: str) -> dict[str, str]:
        return self.contents.strangers(self._contents(ref))

    def branches(self) -> list[Branch]:
        # Nessie keeps no time of creation for a branch, only the time of its newest commit.
        branches = [
            Branch(name, self.history.base(name, ref), ref.metadata.commit_meta_of_head.commitTime)
            for name, ref in self.refs.branches().items()
        ]
        return sorted(branches, key=lambda branch: branch.created_at)

    def create_main(self) -> None:
        """Create the main branch, empty. Raises StorageError if it exists."""
        nessie_main.create(self.nessie, self.refs, self.warehouse)

    def create_branch(self, name: str) -> None:
        nessie_keeping.require_own(self.folder, self.names.main)
        self.refs.create_branch(name, nessie_main.newest(self.nessie, self.refs, self.warehouse))

    def drop_branch(self, name: str) -> None:
        with suppress(NotFoundError):  # another process has dropped it
            self.refs.drop_branch(name)

    def secure(self, branch: str) -> None:
        """Do nothing: a bucket has stored what it has accepted."""

    def checksums(self) -> dict[str, int]:
        return {}

    def forget_files(self, paths: Iterable[Path]) -> None:
        """Do nothing: a bucket's server keeps checksums itself."""

    def merge(self, branch: str, *, run_id: str, message: str) -> Commit:
        try:
            tip = self.refs.hash(branch)
        except NotFoundError:
            raise UnknownNameError(f"there is no branch {branch!r}") from None
        request = {"fromRefName": self.names.there(branch), "fromHash": tip}
        commit = self._move_main("merge", request, run_id, message, f"{branch} was made")
        self.drop_branch(branch)
        return commit

    def rollback(self, ref: str, *, run_id: str, message: str) -> Commit:
        target = self._readable(self.history.resolve(ref))
        before, after = self._own_entries(MAIN), self._own_entries(target.id)
        operations = nessie_operations.operations(before, after)
        if not operations:
            return self.history.resolve(MAIN)
        request = {"operations": operations}
        return self._move_main("commit", request, run_id, message, "it was read")

    def expirable(self, before: datetime) -> list[Commit]:
        return self.keeping.expirable(before)

    def expire(self, before: datetime) -> None:
        going = {commit.id for commit in self.expirable(before)}
        nessie_keeping.expire(self.folder, self.history.log(), going)

    def needed(self, since: datetime) -> set[str]:
        return self.keeping.needed(self._address(MAIN), since, self.table_folders())

    def table_folders(self) -> frozenset[str]:
        nessie_keeping.require_own(self.folder, self.names.main)
        return self.keeping.folders(self._address(MAIN), self.location)

    def location(self, table: str) -> str:
        return f"{self.warehouse}/{table.replace('.', '/')}"

    def files(self, ref: str, table: str, time_column: str | None = None) -> list[DataFile]:
        return iceberg.files(self._pyiceberg(ref).load_table(table), time_column)

    def write(self, branch: str, change: TableChange) -> StoredTable:
        stored = iceberg.write(self._pyiceberg(branch), change, self.location(change.table))
        self.contents.known[stored.metadata] = stored
        return stored

    def adopt(self, branch: str, table: str) -> StoredTable:
        stored = iceberg.adopt(self._pyiceberg(branch), table)
        self.contents.known[stored.metadata] = stored
        return stored

    def write_view(self, branch: str, view: ViewText) -> bool:
        return self._pyiceberg(branch).write_view(view)

    def _move_main(
        self,
        operation: str,
        request: Mapping[str, Any],
        run_id: str,
        message: str,
        since: str,
    ) -> Commit:
        """Change main by a request to Nessie; `operation` is 'merge' or 'commit'.

        Raises MergeConflictError if main moved in a table that the request changes; `since` is a
        clause for its message.
        """
        main = self.refs.hash(MAIN)
        meta = {
            "message": message,
            "authors": [users.current()],
            "allProperties": {RUN: [run_id]},
        }
        try:
            path = f"trees/{quoted(self.names.main)}@{main}/history/{operation}"
            self.nessie.post(path, {**request, "commitMeta": meta})
        except ConflictError as error:
            raise MergeConflictError(
                f"main moved since {since}: {error.message}",
                hint="run again: it starts from where main stands now",
            ) from None
        except UnansweredError:
            # Nessie may have changed main before the connection broke.
            if all(commit.run_id != run_id for commit in self.history.log(until=main)):
                raise
        return next(commit for commit in self.history.log() if commit.run_id == run_id)

    @cached_property
    def folder(self) -> Path:
        """The folder of all tables."""
        return self.bucket.path(self.warehouse)

    def _expired(self) -> Expired:
        return nessie_keeping.expired(self.folder)

    def _own_entries(self, ref: str) -> Entries:
        """Nessie's record of each table of this lakehouse on a ref."""
        entries = self._contents(ref)
        return {name: entries[name] for name in self.contents.own(entries)}

    def _contents(self, ref: str) -> Entries:
        """Nessie's record of all that a ref has but namespaces, by name."""
        try:
            return self.contents.entries(self._address(ref))
        except NotFoundError:
            if ref == MAIN:
                raise no_main(self.nessie.url, self.names.main) from None
            raise UnknownNameError(
                f"there is no commit {ref!r} any more", hint="`log` lists the commits of main"
            ) from None

    def _address(self, ref: str) -> str:
        """A ref as a part of a URL: the name of a branch, or `@` and the hash of a commit."""
        if _HASH.fullmatch(ref):
            return f"@{ref}"
        if ref == MAIN or self.refs.is_branch(ref):
            return quoted(self.names.there(ref))
        return f"@{self._readable(self.history.resolve(ref)).id}"

    def _readable(self, commit: Commit) -> Commit:
        """Return a commit. Raises UnknownNameError if it has expired."""
        names.require_readable(commit, self.history.log)
        return commit

    def close(self) -> None:
        with ExitStack() as closing:
            closing.callback(self.nessie.close)
            while self._opened:
                closing.callback(self._opened.popitem()[1].close)

    @cached_property
    def _opened(self) -> dict[str, NessieTables]:
        return {}

    def _pyiceberg(self, ref: str) -> NessieTables:
        from lakehouse.catalogs.nessie_tables import NessieTables

        if ref not in self._opened:
            uri = f"{self.nessie.url}/iceberg/{self.names.in_url(quoted(ref))}"
            self._opened[ref] = NessieTables(
                ref, uri, self.bucket, self.warehouse, access=self._access, name=self._name
            )
        return self._opened[ref]
