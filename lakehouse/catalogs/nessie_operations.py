"""Operations of a commit to Nessie: they give a branch the tables of another state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.catalogs.nessie_contents import Entries
from lakehouse.table_names import name_of, schema_of


def operations(before: Entries, after: Entries) -> list[dict[str, Any]]:
    """Return what turns the tables `before` into those `after`; empty if they are the same."""
    puts = (_put(name, after[name], before.get(name)) for name in after)
    return [*filter(None, puts), *(_delete(name) for name in before if name not in after)]


def _put(
    name: str, content: Mapping[str, Any], now: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The operation that gives a table an earlier state; None if it is in that state."""
    if now is not None and now["metadataLocation"] == content["metadataLocation"]:
        return None
    # The id keeps the identity of a table that main has; without one, Nessie makes a new table.
    content = {**content, "id": now["id"] if now else None}
    return {"type": "PUT", "key": _key(name), "content": content}


def _delete(name: str) -> dict[str, Any]:
    return {"type": "DELETE", "key": _key(name)}


def _key(name: str) -> dict[str, Any]:
    return {"elements": [schema_of(name), name_of(name)]}
