"""The history of main on Nessie: its commits, and the tags that name them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from lakehouse.catalogs import MAIN, Commit, names
from lakehouse.catalogs.nessie_api import Nessie, NotFoundError

RUN = "lakehouse.run"
"""Property of a Nessie commit that holds the id of the run that made it."""
_WHOLE_ID = 64
"""Characters of a whole commit id; a search for one ends at its first match."""
_FIRST = 1
"""Commits at the start of main that only create it: they change no table and are not listed."""


def log(nessie: Nessie, until: str | None = None) -> Iterator[Commit]:
    """Yield the commits of main that changed tables, newest first, back to `until` (excluded)."""
    main = nessie.reference(MAIN)
    if "metadata" not in main:
        return
    newest = int(main["metadata"]["numTotalCommits"]) - _FIRST
    entries = nessie.pages(f"trees/{MAIN}@{main['hash']}/history", "logEntries", fetch="ALL")
    for behind, entry in enumerate(entries):
        if entry["commitMeta"]["hash"] == until:
            return
        commit = _commit(entry, newest - behind)
        if commit.tables:
            yield commit


def at(nessie: Nessie, moment: datetime) -> Commit:
    """The newest commit whose time is at or before `moment`. Raises UnknownNameError."""
    newest = next((commit for commit in log(nessie) if commit.committed_at <= moment), None)
    if newest is None:
        raise names.no_commit_at(moment)
    return newest


def resolve(nessie: Nessie, ref: str) -> Commit:
    """The commit that `ref` means: main, a tag, an id or its first characters.

    Raises UnknownNameError.
    """
    if ref == MAIN:
        return names.the_one(ref, list(islice(log(nessie), 1)))
    if is_branch(nessie, ref):
        raise names.no_commit(ref)
    wanted = tags(nessie).get(ref, ref)
    matches = []
    if len(wanted) >= names.SHORTEST_ID:
        matching = (commit for commit in log(nessie) if commit.id.startswith(wanted))
        matches = list(islice(matching, 1 if len(wanted) == _WHOLE_ID else None))
    return names.the_one(ref, matches)


def tags(nessie: Nessie) -> dict[str, str]:
    """The id of the commit that each tag names, by tag."""
    return {tag["name"]: tag["hash"] for tag in nessie.references("TAG")}


def tag(nessie: Nessie, name: str, commit: Commit) -> None:
    """Tag a commit. Raises UnknownNameError for a name that means something else already."""
    existing = tags(nessie)
    names.check_tag(name, commit, existing)
    if any(other.id.startswith(name) for other in log(nessie)):
        raise names.begins_an_id(name)
    if is_branch(nessie, name):
        raise names.is_a_branch(name)
    if name not in existing:
        nessie.create("TAG", name, {"type": "BRANCH", "name": MAIN, "hash": commit.id})


def drop_tag(nessie: Nessie, name: str) -> None:
    """Delete a tag. Raises UnknownNameError if it does not exist."""
    try:
        nessie.drop("TAG", name)
    except NotFoundError:
        raise names.no_tag(name) from None


def is_branch(nessie: Nessie, name: str) -> bool:
    """Return whether a branch of this name exists."""
    return any(branch["name"] == name for branch in nessie.references("BRANCH"))


def time(meta: Mapping[str, Any]) -> datetime:
    """The time of a commit, from Nessie's `commitMeta`, cut to the microsecond."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", meta["commitTime"]))


def name(key: Mapping[str, Any]) -> str:
    """The qualified name of a table, from its key in Nessie."""
    return ".".join(key["elements"])


def _commit(entry: Mapping[str, Any], sequence: int) -> Commit:
    meta = entry["commitMeta"]
    operations = filter(_is_of_table, entry["operations"] or ())
    return Commit(
        id=meta["hash"],
        sequence=sequence,
        run_id="".join(meta.get("allProperties", {}).get(RUN, ())),
        message=meta["message"],
        author=", ".join(meta["authors"]),
        committed_at=time(meta),
        tables=tuple(sorted({name(operation["key"]) for operation in operations})),
    )


def _is_of_table(operation: Mapping[str, Any]) -> bool:
    """Return whether an operation writes or deletes a table."""
    if operation["type"] == "PUT":
        return bool(operation["content"]["type"] == "ICEBERG_TABLE")
    return bool(operation["type"] == "DELETE" and len(operation["key"]["elements"]) > 1)
