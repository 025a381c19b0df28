"""What tables were built from, kept by fingerprint, so that a change can be shown."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

from lakehouse import storage
from lakehouse.compile import Statement


def keep(warehouse: Path, fingerprint: str, statement: Statement) -> None:
    """Keep what a table is built from, once."""
    path = _path(warehouse, fingerprint)
    if not path.exists():
        schema = {name: str(kind) for name, kind in statement.schema.items()}
        storage.write(path, json.dumps({"sql": statement.sql, "schema": schema}))


def sql(warehouse: Path, fingerprint: str, dialect: str) -> str | None:
    """What a table with this fingerprint was built from; None if it is not known any more."""
    try:
        kept = json.loads(_path(warehouse, fingerprint).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return _pretty(kept["sql"], dialect)


def difference(warehouse: Path, fingerprint: str, statement: Statement, dialect: str) -> list[str]:
    """What changed since a table was built: its columns, and its SQL as a unified diff.

    Empty if what it was built from is not known any more.
    """
    try:
        before = json.loads(_path(warehouse, fingerprint).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    after = {name: str(kind) for name, kind in statement.schema.items()}
    return [
        *_columns(before["schema"], after),
        *_lines(_pretty(before["sql"], dialect), _pretty(statement.sql, dialect)),
    ]


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
