"""The SQL and the columns that tables were built from, kept by fingerprint to show changes."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from lakehouse import small_files, storage
from lakehouse.compile.compiler import Compiled, Statement

Parts: TypeAlias = Mapping[str, Statement]
"""Statements that a table is built from, by name: its own, then those of the views below it."""


def parts(compiled: Compiled, name: str) -> Parts:
    """Return the statements of a table in the present code; an ingestion has columns only."""
    model = compiled.models.get(name)
    if model is None:
        return {name: Statement("", compiled.schemas[name])}
    statements = {name: model.statement}
    for parent in model.spec.inputs:
        below = compiled.models.get(parent)
        if below is not None and below.spec.is_view:
            statements |= parts(compiled, parent)
    return statements


def keep(warehouse: Path, fingerprint: str, statements: Parts) -> None:
    """Write the statements of a table to its file, unless the fingerprint has one."""
    path = _path(warehouse, fingerprint)
    if not path.exists():
        table, *views = ({"name": name, **_plain(part)} for name, part in statements.items())
        storage.write(path, json.dumps({**table, "views": views}))


def sql(warehouse: Path, fingerprint: str, dialect: str) -> str | None:
    """Return the SQL that a table with this fingerprint was built from; None if it is not kept."""
    kept = small_files.read(_path(warehouse, fingerprint), _parse)
    return None if kept is None else _pretty(kept["sql"], dialect) or None


def difference(warehouse: Path, fingerprint: str, statements: Parts, dialect: str) -> list[str]:
    """Return the changes since a table was built: columns, and SQL as a unified diff, as lines.

    Changes of a view below the table follow a line that names the view. Empty if the statements
    that the table was built from are not kept.
    """
    kept = small_files.read(_path(warehouse, fingerprint), _parse)
    if kept is None:
        return []
    table = next(iter(statements))
    before = {table: kept, **{view["name"]: view for view in kept.get("views", ())}}
    changes: list[str] = []
    for name in dict.fromkeys([*statements, *before]):
        now = _plain(statements[name]) if name in statements else {"sql": "", "schema": {}}
        lines = list(_part(before.get(name, now), now, dialect))
        changes += lines if name == table else [f"view {name}", *lines] if lines else []
    return changes


def _parse(raw: bytes) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(raw)
    for part in (kept, *kept.get("views", ())):
        _ = part["name"], part["sql"].strip(), part["schema"].items()
    return kept


def _plain(statement: Statement) -> dict[str, Any]:
    schema = {name: str(kind) for name, kind in statement.schema.items()}
    return {"sql": statement.sql, "schema": schema}


def _part(before: dict[str, Any], after: dict[str, Any], dialect: str) -> Iterator[str]:
    yield from _columns(before["schema"], after["schema"])
    yield from _lines(_pretty(before["sql"], dialect), _pretty(after["sql"], dialect))


def _columns(before: dict[str, str], after: dict[str, str]) -> list[str]:
    removed = [f"- column {name} {kind}" for name, kind in before.items() if name not in after]
    added = [f"+ column {name} {kind}" for name, kind in after.items() if name not in before]
    retyped = [
        f"~ column {name} {before[name]} → {kind}"
        for name, kind in after.items()
        if before.get(name, kind) != kind
    ]
    return [*removed, *added, *retyped]


def _lines(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return [line for line in lines if not line.startswith(("---", "+++"))]


def _pretty(sql: str, dialect: str) -> str:
    import sqlglot

    return sqlglot.transpile(sql, read=dialect, write=dialect, pretty=True)[0]


def _path(warehouse: Path, fingerprint: str) -> Path:
    return warehouse / "code" / f"{fingerprint}.json"
