"""What is left of an erased key outside of main: where rows still are, and removing what can be.

Staged pages, archived rows and run records are changed at once. Earlier commits stay until
`maintain` expires them; tags and branches keep rows as long as they are there, and are named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse import small_files, storage
from lakehouse.alerts import ledger
from lakehouse.branches import run_branches
from lakehouse.catalogs import MAIN, StoredTable
from lakehouse.compile.quarantine_reasons import FIELDS, PAYLOAD
from lakehouse.engines.duckdb_relations import parquet
from lakehouse.engines.sql import literal
from lakehouse.ingest.quarantine import quarantine_table
from lakehouse.maintain import Policy, retention
from lakehouse.plan.selectors import select
from lakehouse.records import run_records
from lakehouse.table_names import name_of

if TYPE_CHECKING:
    from lakehouse.ingest.erased_rows import ErasedKey
    from lakehouse.session import Session

_WRITING = ".erasing"
"""Folder beside a file of the archive in which the file that replaces it is written."""


@dataclass(frozen=True)
class Holder:
    """A place that holds rows of a key."""

    place: str
    """A table of main, or a tag, a branch, the archive or the staging area."""
    rows: int | None
    """Number of rows; None if they cannot be told from others."""
    cure: str = ""
    """What to do about it; empty if `erase` does it."""


def on_main(session: Session, key: ErasedKey, cure: str = "") -> list[Holder]:
    """Return the tables of main that hold rows of a key, with what is to be done about them."""
    return [Holder(table, rows, cure) for table, rows in _tables(session, key, MAIN) if rows]


def elsewhere(session: Session, key: ErasedKey) -> Iterator[Holder]:
    """Yield the other raw tables that hold rows with the same values in columns of these names."""
    stored = session.catalog.tables(MAIN)
    for spec in session.project.ingestions.values():
        table = stored.get(spec.table)
        if table is not None and spec != key.spec and key.values.keys() <= {*table.columns}:
            rows = _count(session, table, key.condition())
            if rows:
                yield Holder(spec.table, rows, "erase the key there, too, if it is the same")


def keepers(session: Session, key: ErasedKey) -> Iterator[Holder]:
    """Yield the tags and branches that hold rows of a key, with what to do about each."""
    for tag in session.catalog.tags():
        rows = sum(rows for _, rows in _tables(session, key, tag))
        if rows:
            yield Holder(f"tag {tag}", rows, f"lakehouse tag {tag} --delete")
    for branch in session.catalog.branches():
        rows = sum(rows for _, rows in _tables(session, key, branch.name))
        if rows:
            yield Holder(f"branch {branch.name}", rows, f"lakehouse branches --drop {branch.name}")


def archived(session: Session, key: ErasedKey) -> list[tuple[Path, int]]:
    """Return the files of the archive that hold rows of a key, and how many."""
    archive = retention.archive_of(session.settings, Policy.of(session.settings).archive)
    folder, found = archive / key.spec.schema / name_of(key.spec.table), []
    for place, _, _ in storage.files(folder):
        if place.suffix == ".parquet" and place.parent.name != _WRITING:
            rows = parquet([str(place)])
            if key.values.keys() <= session.duckdb.shape(rows).keys():
                sql = f"SELECT count(*) FROM {rows} WHERE {key.condition()}"
                found.append((place, session.duckdb.scalar(sql)))
    return [(place, rows) for place, rows in found if rows]


def staged(session: Session) -> list[Path]:
    """Return the folders of staged pages that no running run needs; they may hold any rows."""
    settings = session.settings
    return [
        folder
        for folder in sorted((settings.warehouse / "staging").glob("*"))
        if run_branches.is_free(settings, run_branches.branch_of(folder.name))
    ]


def sweep(session: Session, key: ErasedKey) -> list[Holder]:
    """Remove the key from staged pages, the archive and run records; return what was removed."""
    removed = []
    pages = staged(session)
    for folder in pages:
        storage.remove_folder(folder)
    if pages:
        removed.append(Holder(f"staged pages of {len(pages)} runs", None))
    rows = 0
    for place, count in archived(session, key):
        _rewrite(session, key, place)
        rows += count
    if rows:
        removed.append(Holder("archive", rows))
    _forget_alerts(session, key)
    runs = run_records.places(session.settings.warehouse)
    records = sum(_scrubbed(session, key, run) for run in runs)
    if records:
        removed.append(Holder(f"{records} run records", None))
    return removed


def without_key(document: Any, values: Mapping[str, str], tables: set[str]) -> Any:
    """Return the record of a run without a key, whose values by column are given as text.

    Sample rows of checks of these tables stay if they are seen to be another key's.
    """
    named = [
        re.compile(rf"\b{re.escape(column)}([ =]){re.escape(value)}(?!\w)")
        for column, value in values.items()
    ]

    def of_another(row: Mapping[str, Any]) -> bool:
        known = [column for column in values if column in row]
        return any(str(row[column]) != values[column] for column in known)

    def cleaned(part: Any) -> Any:
        if isinstance(part, dict):
            if part.get("table") in tables and part.get("examples"):
                part = {**part, "examples": [*filter(of_another, part["examples"])]}
            return {name: cleaned(value) for name, value in part.items()}
        if isinstance(part, list):
            return [cleaned(value) for value in part if not _is_unread(value, values)]
        if isinstance(part, str):
            for pattern in named:
                part = pattern.sub(lambda found: f"{found[0].split(found[1])[0]}{found[1]}…", part)
        return part

    return cleaned(document)


def _is_unread(part: Any, values: Mapping[str, str]) -> bool:
    """Return whether a part of a record is about the key, which could not be read."""
    key = part.get("key") if isinstance(part, dict) else None
    if not isinstance(key, dict) or not key.keys() & values.keys():
        return False
    return all(str(value) == values[name] for name, value in key.items() if name in values)


def _scrubbed(session: Session, key: ErasedKey, run: str) -> bool:
    warehouse = session.settings.warehouse
    record = run_records.load(warehouse, run)
    if record is None:
        return False
    known = {spec.table for spec in session.project.tables.values()}
    after = without_key(record, key.values, known | {quarantine_table(key.spec)})
    if after == record:
        return False
    run_records.keep(warehouse, after)
    return True


def _tables(session: Session, key: ErasedKey, ref: str) -> Iterator[tuple[str, int]]:
    """Yield the tables of a ref that have the columns of a key, and how many rows have it."""
    stored, spec = session.catalog.tables(ref), key.spec
    names = select(session.project, f"{spec.table}+")
    for name in (name for name in session.project.tables if name in names):
        table = stored.get(session.project.tables[name].table)
        if table is not None and key.values.keys() <= {*table.columns}:
            yield table.name, _count(session, table, key.condition())
    quarantine = stored.get(quarantine_table(spec))
    if quarantine is not None and {FIELDS, PAYLOAD} <= {*quarantine.columns}:
        yield quarantine.name, _count(session, quarantine, key.is_rejected())


def _count(session: Session, table: StoredTable, condition: str) -> int:
    rows = f"iceberg_scan({literal(table.metadata)})"
    return session.duckdb.scalar(f"SELECT count(*) FROM {rows} WHERE {condition}")


def _rewrite(session: Session, key: ErasedKey, place: Path) -> None:
    """Replace a file of the archive, in one step, by one without the key's rows."""
    folder = place.parent / _WRITING
    storage.remove_folder(folder)  # of an earlier attempt that was killed
    rest = f"SELECT * FROM {parquet([str(place)])} WHERE ({key.condition()}) IS NOT TRUE"
    added, _ = session.duckdb.copy(rest, str(folder), None)
    for written in (storage.beside(place, path) for path in added):
        if storage.is_on_disk(place):
            storage.sync([written], folder)
            written.replace(place)
        else:
            place.write_bytes(written.read_bytes())
    if not added:
        place.unlink()
    storage.remove_folder(folder)


def _forget_alerts(session: Session, key: ErasedKey) -> None:
    """Take the key out of the open problems that people were told of."""
    with ledger.opened(session.settings.home) as book:
        document = small_files.read(book.path, json.loads)
        after = without_key(document, key.values, set())
        if after != document:
            storage.write(book.path, json.dumps(after))
