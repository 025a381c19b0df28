"""The history of main on Nessie: its commits, and the tags that name them.

Others may commit to the same branch. What they did to tables of their own is no commit here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from lakehouse.catalogs import MAIN, Commit, names
from lakehouse.catalogs.nessie_errors import NotFoundError
from lakehouse.catalogs.nessie_http import Nessie
from lakehouse.catalogs.nessie_names import quoted
from lakehouse.catalogs.nessie_refs import Refs, has_commits

if TYPE_CHECKING:
    from pynessie.model import LogEntry, Reference

RUN = "lakehouse.run"
"""Property of a Nessie commit that holds the id of the run that made it."""
_WHOLE_ID = 64
"""Characters of a whole commit id."""
_FIRST = 1
"""Commits at the start of main that only create it: they change no table and are not listed."""


@dataclass(frozen=True)
class Expired:
    """Commits that have lost their files: a commit and all before it, but those that were kept."""

    newest: str = ""
    kept: frozenset[str] = frozenset()


@dataclass(frozen=True)
class History:
    """Main's history on a Nessie server."""

    refs: Refs
    nessie: Nessie
    own_tables: Callable[[], Collection[str]]
    """Returns the names of the tables of this lakehouse on main."""
    expired: Callable[[], Expired]
    """Returns which commits cannot be read any more."""

    def log(self, until: str | None = None) -> Iterator[Commit]:
        """Yield the commits that changed our tables, newest first, back to `until` (excluded)."""
        return (commit for _, commit in self._all(until) if commit is not None)

    def standing(self, ids: Collection[str]) -> list[Commit]:
        """Return the commits that main was at when it was at each of these, perhaps of others."""
        commits, unseen, asked = [], {*ids}, False
        for made, commit in self._all():
            asked = asked or made in unseen
            unseen.discard(made)
            if asked and commit is not None:
                commits.append(commit)
                asked = False
            if not unseen and not asked:
                break
        return commits

    def _all(self, until: str | None = None) -> Iterator[tuple[str, Commit | None]]:
        """Yield the id of each commit of main, newest first, and the commit, if it is ours."""
        main = self.refs.main()
        if not has_commits(main):
            return
        newest = main.metadata.num_total_commits - _FIRST
        own, expired, is_over = cache(self.own_tables), self.expired(), False
        entries = zip(self.refs.log(main.hash_), self._changes(main.hash_), strict=True)
        for behind, (entry, changed) in enumerate(entries):
            meta = entry.commit_meta
            if meta.hash_ == until:
                return
            is_ours = RUN in meta.properties
            tables = tuple(table for table in changed if is_ours or table in own())
            commit = _commit(entry, newest - behind, tables) if tables else None
            is_over = is_over or meta.hash_ == expired.newest
            if commit is not None and is_over:
                commit = replace(commit, readable=commit.id in expired.kept)
            yield meta.hash_, commit

    def put_by_runs(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the metadata file of what runs have ever put on main."""
        main = self.refs.main()
        if not has_commits(main):
            return
        entries = self.nessie.pages(f"trees/@{main.hash_}/history", "logEntries", fetch="ALL")
        for entry in entries:
            is_ours = RUN in entry["commitMeta"].get("allProperties", {})
            for operation in (entry["operations"] or ()) if is_ours else ():
                place = operation.get("content", {}).get("metadataLocation")
                if place:
                    yield table_name(operation["key"]["elements"]), place

    def base(self, branch: str, ref: Reference) -> str:
        """Return the id of the commit of main that a branch was made from."""
        names = self.refs.names
        if names.main == MAIN:  # of another main, Nessie does not tell
            return str(ref.metadata.common_ancestor_hash)
        main, here = (
            self.nessie.pages(f"trees/{names.in_url(name)}/history", "logEntries")
            for name in (MAIN, quoted(branch))
        )
        made = {entry["commitMeta"]["hash"] for entry in main}
        return next((h for h in (e["commitMeta"]["hash"] for e in here) if h in made), "")

    def at(self, moment: datetime) -> Commit:
        """The newest commit whose time is at or before `moment`. Raises UnknownNameError."""
        newest = next((commit for commit in self.log() if commit.committed_at <= moment), None)
        if newest is None:
            raise names.no_commit_at(moment)
        return newest

    def resolve(self, ref: str) -> Commit:
        """The commit that `ref` means: main, a tag, an id or its first characters.

        Raises UnknownNameError.
        """
        if ref == MAIN:
            return names.the_one(ref, list(islice(self.log(), 1)))
        if self.refs.is_branch(ref):
            raise names.no_commit(ref)
        wanted = self.refs.tags().get(ref, ref)
        matches = []
        if len(wanted) >= names.SHORTEST_ID:
            if len(wanted) == _WHOLE_ID:
                matches = self.standing([wanted])
            else:
                matches = [commit for commit in self.log() if commit.id.startswith(wanted)]
        return names.the_one(ref, matches)

    def tag(self, name: str, commit: Commit) -> None:
        """Tag a commit. Raises UnknownNameError for a name that means something else already."""
        existing = self.refs.tags()
        names.check_tag(name, commit, existing)
        if any(other.id.startswith(name) for other in self.log()):
            raise names.begins_an_id(name)
        if self.refs.is_branch(name):
            raise names.is_a_branch(name)
        if name not in existing:
            self.refs.create_tag(name, commit.id)

    def drop_tag(self, name: str) -> None:
        """Delete a tag. Raises UnknownNameError if it does not exist."""
        try:
            self.refs.drop_tag(name)
        except NotFoundError:
            raise names.no_tag(name) from None

    def _changes(self, newest: str) -> Iterator[tuple[str, ...]]:
        """Yield which tables each commit changed, from the one with the hash `newest` back.

        Nessie is asked without pynessie, which cannot read the changes of a commit that contains
        views, and takes 5 ms for each other one.
        """
        entries = self.nessie.pages(f"trees/@{newest}/history", "logEntries", fetch="ALL")
        for entry in entries:
            changed = filter(_is_of_table, entry["operations"] or ())
            tables = {table_name(operation["key"]["elements"]) for operation in changed}
            yield tuple(sorted(tables))


def table_name(key: Sequence[str]) -> str:
    """The qualified name of a table, from the elements of its key in Nessie."""
    return ".".join(key)


def _commit(entry: LogEntry, sequence: int, tables: tuple[str, ...]) -> Commit:
    meta = entry.commit_meta
    return Commit(
        id=meta.hash_,
        sequence=sequence,
        run_id=meta.properties.get(RUN, ""),
        message=meta.message,
        author=meta.author,
        committed_at=meta.commitTime,
        tables=tables,
    )


def _is_of_table(operation: Mapping[str, Any]) -> bool:
    """Return whether an operation writes or deletes a table."""
    if operation["type"] == "PUT":
        return bool(operation["content"]["type"] == "ICEBERG_TABLE")
    return bool(operation["type"] == "DELETE" and len(operation["key"]["elements"]) > 1)
