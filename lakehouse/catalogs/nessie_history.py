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
"""The property of a commit that names its run."""
_WHOLE_ID = 64
"""Characters of a commit's id: no other begins with them."""
_FIRST = 1
"""main's first commit only begins it, and is none of ours."""


def log(nessie: Nessie, until: str | None = None) -> Iterator[Commit]:
    """The commits of main that changed tables, newest first, down to the hash `until`."""
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
    """The newest commit that says it was made by a moment. Raises UnknownNameError."""
    found = next((each for each in log(nessie) if each.committed_at <= moment), None)
    if found is None:
        raise names.no_commit_at(moment)
    return found


def resolve(nessie: Nessie, ref: str) -> Commit:
    """The commit that main, a tag, or an id or the beginning of one stands for."""
    if ref == MAIN:
        return names.the_one(ref, list(islice(log(nessie), 1)))
    if is_branch(nessie, ref):
        raise names.no_commit(ref)
    wanted = tags(nessie).get(ref, ref)
    found = []
    if len(wanted) >= names.SHORTEST_ID:
        matching = (each for each in log(nessie) if each.id.startswith(wanted))
        found = list(islice(matching, 1 if len(wanted) == _WHOLE_ID else None))
    return names.the_one(ref, found)


def tags(nessie: Nessie) -> dict[str, str]:
    """The commit that each tag names, by name."""
    return {tag["name"]: tag["hash"] for tag in nessie.references("TAG")}


def tag(nessie: Nessie, name: str, commit: Commit) -> None:
    """Name a commit. Raises UnknownNameError for a name that means something else already."""
    known = tags(nessie)
    names.check_tag(name, commit, known)
    if any(each.id.startswith(name) for each in log(nessie)):
        raise names.begins_an_id(name)
    if is_branch(nessie, name):
        raise names.is_a_branch(name)
    if name not in known:
        nessie.create("TAG", name, {"type": "BRANCH", "name": MAIN, "hash": commit.id})


def drop_tag(nessie: Nessie, name: str) -> None:
    """Forget a tag. Raises UnknownNameError if there is none of that name."""
    try:
        nessie.drop("TAG", name)
    except NotFoundError:
        raise names.no_tag(name) from None


def is_branch(nessie: Nessie, name: str) -> bool:
    """Whether there is a branch of this name."""
    return any(branch["name"] == name for branch in nessie.references("BRANCH"))


def time(about: Mapping[str, Any]) -> datetime:
    """When a commit was made, to the microsecond."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", about["commitTime"]))


def name(key: Mapping[str, Any]) -> str:
    """A key of Nessie as the name of a table."""
    return ".".join(key["elements"])


def _commit(entry: Mapping[str, Any], sequence: int) -> Commit:
    about = entry["commitMeta"]
    changed = (each for each in entry["operations"] or () if _is_of_table(each))
    return Commit(
        id=about["hash"],
        sequence=sequence,
        run_id="".join(about.get("allProperties", {}).get(RUN, ())),
        message=about["message"],
        author=", ".join(about["authors"]),
        committed_at=time(about),
        tables=tuple(sorted({name(each["key"]) for each in changed})),
    )


def _is_of_table(operation: Mapping[str, Any]) -> bool:
    """Whether an operation puts a table, or takes one away."""
    if operation["type"] == "PUT":
        return bool(operation["content"]["type"] == "ICEBERG_TABLE")
    return bool(operation["type"] == "DELETE" and len(operation["key"]["elements"]) > 1)
