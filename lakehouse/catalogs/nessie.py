"""The catalog of the production profile: Nessie, whose refs are states of the whole lakehouse.

Refs and the log go through pynessie; merges and lists of tables through version 2 of Nessie's own
API, where a merge has a message, an author and properties. Tables use Nessie's Iceberg REST
catalog, through PyIceberg.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
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
)
from lakehouse.catalogs.nessie_errors import ConflictError, NotFoundError, UnansweredError
from lakehouse.catalogs.nessie_history import RUN, History, table_name
from lakehouse.catalogs.nessie_http import Nessie, quoted
from lakehouse.catalogs.nessie_refs import Refs, has_commits
from lakehouse.config import Servers
from lakehouse.errors import MergeConflictError, UnknownNameError
from lakehouse.identity.access import Access
from lakehouse.system import users
from lakehouse.table_names import name_of, schema_of

if TYPE_CHECKING:
    from lakehouse.catalogs.nessie_tables import NessieTables

_FIRST_SCHEMA = "raw"
_HASH = re.compile(r"[0-9a-f]{64}")
_READERS = 8
"""Metadata files that are read at the same time, at most."""


class NessieCatalog:
    """Refs and tables on a Nessie server; implements `Catalog`."""

    def __init__(self, servers: Servers) -> None:
        self._access = Access(servers.nessie_identity)
        self.nessie = Nessie(servers.nessie_url, self._access)
        self.refs = Refs(servers.nessie_url, self._access)
        self.history = History(self.refs, self.nessie)
        self.bucket = servers.bucket
        self.warehouse, self._name = servers.warehouse, servers.nessie_warehouse
        self._known: dict[str, StoredTable] = {}
        """Tables that were read, by the address of their metadata file, which never changes."""

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
        commit = self.history.resolve(ref)
        self.history.tag(name, commit)
        return commit

    def drop_tag(self, name: str) -> None:
        self.history.drop_tag(name)

    def tables(self, ref: str) -> dict[str, StoredTable]:
        places = self.places(ref)
        with ThreadPoolExecutor(_READERS) as pool:
            stored = pool.map(self._read, places, places.values())
            address = self._address(ref)
            return {table.name: replace(table, ref=address) for table in stored}

    def places(self, ref: str) -> dict[str, str]:
        contents = self._contents(ref)
        return {name: contents[name]["metadataLocation"] for name in sorted(contents)}

    def branches(self) -> list[Branch]:
        # Nessie keeps no time of creation for a branch, only the time of its newest commit.
        branches = [
            Branch(
                branch.name,
                branch.metadata.common_ancestor_hash,
                branch.metadata.commit_meta_of_head.commitTime,
            )
            for branch in self.refs.branches()
            if branch.name != MAIN
        ]
        return sorted(branches, key=lambda branch: branch.created_at)

    def create_branch(self, name: str) -> None:
        main = self.refs.main()
        newest = main.hash_
        if not has_commits(main):
            newest = self._make_first_commit(newest)
        self.refs.create_branch(name, newest)

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
        request = {"fromRefName": branch, "fromHash": tip}
        commit = self._move_main("merge", request, run_id, message, f"{branch} was made")
        self.drop_branch(branch)
        return commit

    def rollback(self, ref: str, *, run_id: str, message: str) -> Commit:
        target = self.history.resolve(ref)
        before, after = self._contents(MAIN), self._contents(target.id)
        puts = [_put(name, after[name], before) for name in after]
        deletes = [_delete(name) for name in before if name not in after]
        operations = [*filter(None, puts), *deletes]
        if not operations:
            return self.history.resolve(MAIN)
        request = {"operations": operations}
        return self._move_main("commit", request, run_id, message, "it was read")

    def expirable(self, before: datetime) -> list[Commit]:
        kept = {*self.tags().values(), *(branch.base for branch in self.branches())}
        older = islice(self.history.log(), 1, None)
        return [
            commit for commit in older if commit.committed_at < before and commit.id not in kept
        ]

    def expire(self, before: datetime) -> None:
        """Do nothing: Nessie's log stays as it is, and expired commits lose their files."""

    def needed(self, since: datetime) -> set[str]:
        expired = {commit.id for commit in self.expirable(since)}
        refs = [branch.name for branch in self.branches()]
        refs += [commit.id for commit in self.history.log() if commit.id not in expired]
        return {place for ref in (MAIN, *refs) for place in self.places(ref).values()}

    def location(self, table: str) -> str:
        return f"{self.warehouse}/{table.replace('.', '/')}"

    def files(self, ref: str, table: str, time_column: str | None = None) -> list[DataFile]:
        return iceberg.files(self._pyiceberg(ref).load_table(table), time_column)

    def write(self, branch: str, change: TableChange) -> StoredTable:
        stored = iceberg.write(self._pyiceberg(branch), change, self.location(change.table))
        self._known[stored.metadata] = stored
        return stored

    def adopt(self, branch: str, table: str) -> StoredTable:
        stored = iceberg.adopt(self._pyiceberg(branch), table)
        self._known[stored.metadata] = stored
        return stored

    def write_view(self, branch: str, view: ViewText) -> bool:
        return self._pyiceberg(branch).write_view(view)

    def _make_first_commit(self, empty: str) -> str:
        """Make the first commit of main, as Nessie merges only refs that share one; return it.

        `empty` is the hash of main without a commit.
        """
        schema = {"type": "NAMESPACE", "elements": [_FIRST_SCHEMA]}
        operation = {"type": "PUT", "key": {"elements": [_FIRST_SCHEMA]}, "content": schema}
        request = {"commitMeta": {"message": "an empty lakehouse"}, "operations": [operation]}
        with suppress(ConflictError):  # another process has made it
            self.nessie.post(f"trees/{MAIN}@{empty}/history/commit", request)
        return self.refs.hash(MAIN)

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
            path = f"trees/{MAIN}@{main}/history/{operation}"
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

    def _contents(self, ref: str) -> dict[str, dict[str, Any]]:
        """Nessie's record of each table of a ref, by table name."""
        entries = self.nessie.pages(
            f"trees/{self._address(ref)}/entries", "entries", content="true"
        )
        try:
            return {
                table_name(entry["name"]["elements"]): entry["content"]
                for entry in entries
                if entry["type"] == "ICEBERG_TABLE"
            }
        except NotFoundError:
            raise UnknownNameError(
                f"there is no commit {ref!r} any more", hint="`log` lists the commits of main"
            ) from None

    def _address(self, ref: str) -> str:
        """A ref as a part of a URL: the name of a branch, or `@` and the hash of a commit."""
        if _HASH.fullmatch(ref):
            return f"@{ref}"
        if self.refs.is_branch(ref):
            return quoted(ref)
        return f"@{self.history.resolve(ref).id}"

    def _read(self, name: str, metadata: str) -> StoredTable:
        if metadata not in self._known:
            self._known[metadata] = iceberg.read(name, metadata, self.bucket.path(metadata), "")
        return self._known[metadata]

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
            uri = f"{self.nessie.url}/iceberg/{quoted(ref)}"
            self._opened[ref] = NessieTables(ref, uri, self.bucket, self._access, self._name)
        return self._opened[ref]


def _put(
    name: str, content: Mapping[str, Any], main: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    """The operation that gives a table of main an earlier state; None if it is in that state."""
    now = main.get(name)
    if now is not None and now["metadataLocation"] == content["metadataLocation"]:
        return None
    # The id keeps the identity of a table that main has; without one, Nessie makes a new table.
    content = {**content, "id": now["id"] if now else None}
    return {"type": "PUT", "key": _key(name), "content": content}


def _delete(name: str) -> dict[str, Any]:
    return {"type": "DELETE", "key": _key(name)}


def _key(name: str) -> dict[str, Any]:
    return {"elements": [schema_of(name), name_of(name)]}
