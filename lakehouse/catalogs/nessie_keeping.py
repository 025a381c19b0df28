"""Which commits of main on Nessie stay readable, and which files its refs need.

Nessie's own log never loses a commit. Which ones have lost their files is written beside the tables
before `maintain` removes files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lakehouse import storage
from lakehouse.catalogs import Branch, Commit
from lakehouse.catalogs.nessie_contents import Contents
from lakehouse.catalogs.nessie_history import Expired, History
from lakehouse.catalogs.nessie_refs import Refs
from lakehouse.errors import StorageError

_FILE, _OWNER = "expired.json", "lakehouse.json"


def require_own(warehouse: Path, branch: str) -> None:
    """Raise StorageError if a warehouse is that of another main branch; else take it."""
    place = warehouse / _OWNER
    try:
        owner = json.loads(place.read_bytes())["nessie_branch"]
    except FileNotFoundError:
        storage.write(place, json.dumps({"nessie_branch": branch}))
        return
    if owner != branch:
        raise StorageError(
            f"the warehouse {warehouse} is that of the lakehouse on the branch {owner!r} of Nessie,"
            f" and this one is on {branch!r}",
            hint="set LAKEHOUSE_WAREHOUSE, or `warehouse` in [production], to another folder",
        )


def expired(warehouse: Path) -> Expired:
    """Read which commits have expired."""
    try:
        document = json.loads((warehouse / _FILE).read_bytes())
    except FileNotFoundError:
        return Expired()
    return Expired(document["newest"], frozenset(document["kept"]))


def expire(warehouse: Path, log: Iterable[Commit], going: Container[str]) -> None:
    """Write that the commits `going` are unreadable from now on; `log` has all, newest first."""
    commits = list(log)
    ends = [not commit.readable or commit.id in going for commit in commits]
    if any(ends):
        newest = ends.index(True)
        kept = [c.id for c, is_over in zip(commits, ends, strict=True) if not is_over]
        document = {"newest": commits[newest].id, "kept": kept[newest:]}
        storage.write(warehouse / _FILE, json.dumps(document))


@dataclass(frozen=True)
class Keeping:
    """What has to stay, for any of the refs on a Nessie."""

    refs: Refs
    history: History
    contents: Contents
    branches: Callable[[], list[Branch]]

    def expirable(self, before: datetime) -> list[Commit]:
        """Commits from before a moment that no tag and no branch keeps."""
        older = [*self.history.log()][1:]
        pinned = {*self.refs.tags().values(), *(branch.base for branch in self.branches())}
        kept = {commit.id for commit in self.history.standing(pinned)}
        return [
            commit
            for commit in older
            if commit.readable and commit.committed_at < before and commit.id not in kept
        ]

    def needed(self, main: str, since: datetime, folders: frozenset[str]) -> set[str]:
        """Metadata files in our `folders`, of tables and views, that any ref needs.

        Others may have branched from main, and may have views over our tables.
        """
        expirable = {commit.id for commit in self.expirable(since)}
        ids = {commit.id for commit in self.history.log() if commit.readable} - expirable
        ids |= {*self.refs.tags().values(), *(branch.base for branch in self.branches())}
        addresses = [main, *(f"@{commit}" for commit in ids), *self.refs.in_urls()]
        found = (self.contents.entries(address).values() for address in addresses)
        places = {content.get("metadataLocation", "") for each in found for content in each}
        return {place for place in places if folder(place) in folders}

    def folders(self, main: str, location: Callable[[str], str]) -> frozenset[str]:
        """The folders of all tables and views that this lakehouse has, or once had on main.

        There may be two for a table: Nessie finds a place for its metadata, and `location` is the
        one for files that DuckDB writes.
        """
        put = [*self.history.put_by_runs()]
        for address in (main, *self.refs.in_urls(own=True)):
            own = self.contents.own(self.contents.entries(address))
            put += [(name, table.metadata) for name, table in own.items()]
        return frozenset(each for name, place in put for each in (folder(place), location(name)))


def folder(metadata: str) -> str:
    """The folder of the table or view of a metadata file."""
    return metadata.rpartition("/metadata/")[0]
