"""The beginning of a main branch on Nessie."""

from __future__ import annotations

from contextlib import suppress

from lakehouse.catalogs import MAIN
from lakehouse.catalogs.nessie_errors import ConflictError
from lakehouse.catalogs.nessie_http import Nessie
from lakehouse.catalogs.nessie_names import quoted, schema_location
from lakehouse.catalogs.nessie_refs import Refs, has_commits
from lakehouse.errors import StorageError

_FIRST_SCHEMA = "raw"


def newest(nessie: Nessie, refs: Refs, warehouse: str) -> str:
    """Return the id of main's newest commit; an empty main gets a first one.

    Nessie merges only refs that share a commit. Raises StorageError if there is no main branch.
    """
    main = refs.main()
    commit = str(main.hash_)
    if not has_commits(main):
        commit = _make_first_commit(nessie, refs, warehouse, commit)
    refs.mark_main(commit)
    return commit


def create(nessie: Nessie, refs: Refs, warehouse: str) -> None:
    """Create the main branch, empty. Raises StorageError if it exists."""
    name = refs.names.main
    start = {"type": "DETACHED", "hash": nessie.get("config")["noAncestorHash"]}
    try:
        nessie.post(f"trees?name={quoted(name)}&type=BRANCH", start)
    except ConflictError:
        raise StorageError(
            f"Nessie at {nessie.url} has a branch {name!r} already",
            hint="nothing was changed: `run` takes the branch as it is",
        ) from None
    newest(nessie, refs, warehouse)


def _make_first_commit(nessie: Nessie, refs: Refs, warehouse: str, empty: str) -> str:
    """Make the first commit; `empty` is the hash of main without a commit."""
    properties = {"location": schema_location(warehouse, _FIRST_SCHEMA)}
    schema = {"type": "NAMESPACE", "elements": [_FIRST_SCHEMA], "properties": properties}
    operation = {"type": "PUT", "key": {"elements": [_FIRST_SCHEMA]}, "content": schema}
    request = {"commitMeta": {"message": "an empty lakehouse"}, "operations": [operation]}
    with suppress(ConflictError):  # another process has made it
        nessie.post(f"trees/{quoted(refs.names.main)}@{empty}/history/commit", request)
    return refs.hash(MAIN)
