"""What tables were built from, kept by fingerprint, so that a change can be shown."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from lakehouse import documents, storage
from lakehouse.compile import Compiled, Statement
from lakehouse.declare import View

Parts: TypeAlias = Mapping[str, Statement]
"""What a table is made of: its own statement first, then those of the views below it."""


def parts(compiled: Compiled, name: str) -> Parts:
    """What a table is made of now; an ingestion has columns only."""
    model = compiled.models.get(name)
    if model is None:
        return {name: Statement("", compiled.schemas[name])}
    found = {name: model.statement}
    for parent in model.spec.inputs:
        below = compiled.models.get(parent)
        if below is not None and isinstance(below.spec.kind, View):
            found |= parts(compiled, parent)
    return found


def keep(warehouse: Path, fingerprint: str, made_of: Parts) -> None:
    """Keep what a table is built from, once."""
    path = _path(warehouse, fingerprint)
    if not path.exists():
        own, *views = ({"name": name, **_plain(each)} for name, each in made_of.items())
        storage.write(path, json.dumps({**own, "views": views}))


def sql(warehouse: Path, fingerprint: str, dialect: str) -> str | None:
    """What a table with this fingerprint was built from; None if it is not known any more."""
    kept = documents.read(_path(warehouse, fingerprint), _parse)
    return None if kept is None else _pretty(kept["sql"], dialect) or None


def difference(warehouse: Path, fingerprint: str, made_of: Parts, dialect: str) -> list[str]:
    """What changed since a table was built: columns, and SQL as a unified diff.

    What changed in a view below the table follows a line that names it. Empty if what the table
    was built from is not known any more.
    """
    kept = documents.read(_path(warehouse, fingerprint), _parse)
    if kept is None:
        return []
    own = next(iter(made_of))
    before = {own: kept, **{view["name"]: view for view in kept.get("views", ())}}
    found = []
    for name in dict.fromkeys([*made_of, *before]):
        now = _plain(made_of[name]) if name in made_of else {"sql": "", "schema": {}}
        lines = list(_part(before.get(name, now), now, dialect))
        found += lines if name == own else [f"view {name}", *lines] if lines else []
    return found


def _parse(raw: bytes) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(raw)
    for each in (kept, *kept.get("views", ())):
        _ = each["name"], each["sql"].strip(), each["schema"].items()
    return kept


def _plain(statement: Statement) -> dict[str, Any]:
    schema = {name: str(kind) for name, kind in statement.schema.items()}
    return {"sql": statement.sql, "schema": schema}


def _part(before: dict[str, Any], after: dict[str, Any], dialect: str) -> Iterator[str]:
    yield from _columns(before["schema"], after["schema"])
    yield from _lines(_pretty(before["sql"], dialect), _pretty(after["sql"], dialect))


def _columns(before: dict[str, str], after: dict[str, str]) -> list[str]:
    gone = [f"- column {name} {kind}" for name, kind in before.items() if name not in after]
    new = [f"+ column {name} {kind}" for name, kind in after.items() if name not in before]
    other = [
        f"~ column {name} {before[name]} → {kind}"
        for name, kind in after.items()
        if before.get(name, kind) != kind
    ]
    return [*gone, *new, *other]


def _lines(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return [line for line in lines if not line.startswith(("---", "+++"))]


def _pretty(sql: str, dialect: str) -> str:
    import sqlglot

    return sqlglot.transpile(sql, read=dialect, write=dialect, pretty=True)[0]


def _path(warehouse: Path, fingerprint: str) -> Path:
    return warehouse / "code" / f"{fingerprint}.json"
