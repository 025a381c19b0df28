"""Keys that a source could not read when it was asked last, each with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.plan.key_windows import Key, KeyWindows, key_of
from lakehouse.records import run_records

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.catalogs import StoredTable


def unread_keys(warehouse: Path, table: StoredTable) -> dict[Key, str]:
    """Return the keys of a raw table that were not read last, with the newest reason."""
    return {entry.key: _reason(warehouse, table.name, entry) for entry in table.state.unread_now}


def _reason(warehouse: Path, table: str, entry: KeyWindows) -> str:
    """Return why a key could not be read, from the newest record that says it."""
    for run in reversed(run_records.places(warehouse)):
        if run < entry.run:
            break
        record = run_records.load(warehouse, run) or {}
        for unread in record.get("unread", ()):
            if unread["table"] == table and key_of(unread["key"]) == entry.key:
                return str(unread["message"])
    return f"run {entry.run} could not read it"
