"""The history of main on Nessie: its commits, and the tags that name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from lakehouse.catalogs import MAIN, Commit, names
from lakehouse.catalogs.nessie_errors import NotFoundError
from lakehouse.catalogs.nessie_http import Nessie
from lakehouse.catalogs.nessie_refs import Refs, has_commits

if TYPE_CHECKING:
    from pynessie.model import LogEntry

RUN = "lakehouse.run"
"""Property of a Nessie commit that holds the id of the run that made it."""
_WHOLE_ID = 64
"""Characters of a whole commit id; a search for one ends at its first match."""
_FIRST = 1
"""Commits at the start of main that only create it: they change no table and are not listed."""


@dataclass(frozen=True)
class History:
    """Main's history on a Nessie server."""

    refs: Refs
    nessie: Nessie

    def log(self, until: str | None = None) -> Iterator[Commit]:
        """Yield the commits that changed tables, newest first, back to `until` (excluded)."""
        main = self.refs.main()
        if not has_commits(main):
            return
        newest = main.metadata.num_total_commits - _FIRST
        entries = zip(self.refs.log(main.hash_), self._changes(main.hash_), strict=True)
        for behind, (entry, tables) in enumerate(entries):
            if entry.commit_meta.hash_ == until:
                return
            if tables:
                yield _commit(entry, newest - behind, tables)

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
            matching = (commit for commit in self.log() if commit.id.startswith(wanted))
            matches = list(islice(matching, 1 if len(wanted) == _WHOLE_ID else None))
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
