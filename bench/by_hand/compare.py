"""What both sides have in common: the raw files they start from, and the tables they end with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from bench.by_hand import STEPS
from lakehouse.catalogs import MAIN
from lakehouse.engines.duckdb_relations import parquet
from lakehouse.engines.sql import identifier
from lakehouse.session import Session

_TOLERANCE = 1e-9


def link_raw(session: Session, folder: Path) -> tuple[str, str]:
    """Patterns of links, made in `folder`, to the files of raw entries and sites."""
    for name in ("glucose_entries", "sites"):
        (folder / name).mkdir(parents=True)
        for number, path in enumerate(_files(session, name)):
            (folder / name / f"{number}.parquet").symlink_to(path)
    return f"{folder}/glucose_entries/*", f"{folder}/sites/*"


def differing(session: Session, out: Path) -> dict[str, dict[str, int]]:
    """The tables by hand that are not those of the models, and how they differ."""
    found = {
        name: differences(_files(session, name), out / f"{name}.parquet")
        for name, kind in STEPS.items()
        if kind == "FILE"
    }
    return {name: columns for name, columns in found.items() if columns}


def differences(ours: Sequence[str], theirs: Path) -> dict[str, int]:
    """In how many rows each column differs; empty if all are alike, types included (-1).

    Rows are put in the order of all columns that are no floats: every key is among them.
    """
    with duckdb.connect(config={"temp_directory": str(theirs.parent / "spill")}) as connection:

        def columns(files: Sequence[str]) -> dict[str, str]:
            described = connection.execute(f"DESCRIBE FROM {parquet(files)}").fetchall()
            return {name: kind for name, kind, *_ in described}

        types, others = columns(ours), columns([str(theirs)])
        if types != others:
            return {name: -1 for name, _ in types.items() ^ others.items()}
        keys = ", ".join(identifier(name) for name, kind in types.items() if kind != "DOUBLE")
        counts = ", ".join(f"count_if({_differs(name, kind)})" for name, kind in types.items())
        found = connection.execute(
            f"SELECT {counts} FROM (FROM {parquet(ours)} ORDER BY {keys}) AS a"
            f" POSITIONAL JOIN (FROM {parquet([str(theirs)])} ORDER BY {keys}) AS b"
        ).fetchone()
    return {name: count for name, count in zip(types, found or (), strict=True) if count}


def _files(session: Session, name: str) -> list[str]:
    table = session.project.tables[name].table
    return [file.path for file in session.catalog.files(MAIN, table)]


def _differs(name: str, kind: str) -> str:
    a, b = f"a.{identifier(name)}", f"b.{identifier(name)}"
    if kind != "DOUBLE":
        return f"{a} IS DISTINCT FROM {b}"
    far = f"abs({a} - {b}) > {_TOLERANCE} * greatest(1, abs({a}))"
    return f"({a} IS NULL) <> ({b} IS NULL) OR coalesce({far}, false)"
