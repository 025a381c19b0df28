"""What is on a ref of Nessie: the tables of this lakehouse, and what others keep beside them.

A table is ours if its metadata holds our state. Others may write to the same branch: tables of
Iceberg and other formats, views and functions, with names of any form.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from lakehouse.catalogs import StoredTable, iceberg
from lakehouse.catalogs.nessie_history import History, table_name
from lakehouse.catalogs.nessie_http import Nessie
from lakehouse.storage import Bucket

_TABLE, _VIEW, _NAMESPACE = "ICEBERG_TABLE", "ICEBERG_VIEW", "NAMESPACE"
"""Types of contents in Nessie; there are others, such as tables of Delta Lake."""
_READERS = 8
"""Metadata files that are read at the same time."""

Entries = Mapping[str, Mapping[str, Any]]
"""Nessie's record of each thing on a ref, by name."""


@dataclass(frozen=True)
class Contents:
    """Lists and reads what refs have."""

    nessie: Nessie
    bucket: Bucket
    history: History
    known: dict[str, StoredTable | None] = field(default_factory=dict)
    """Tables that were read, by the address of their metadata file, which never changes.

    None is a table of others.
    """

    def entries(self, address: str) -> Entries:
        """All but namespaces; `address` is a ref as a part of a URL. Raises NotFoundError."""
        entries = self.nessie.pages(f"trees/{address}/entries", "entries", content="true")
        return {
            table_name(entry["name"]["elements"]): entry["content"]
            for entry in entries
            if entry["type"] != _NAMESPACE
        }

    def own(self, entries: Entries) -> dict[str, StoredTable]:
        """The tables of this lakehouse, by name."""
        places = {
            name: str(entries[name]["metadataLocation"])
            for name in sorted(entries)
            if entries[name]["type"] == _TABLE and name.count(".") == 1
        }
        with ThreadPoolExecutor(_READERS) as pool:
            stored = pool.map(self._read, places, places.values())
            return {table.name: table for table in stored if table is not None}

    def strangers(self, entries: Entries) -> dict[str, str]:
        """The metadata file of each table of others, by name; '' if it is no Iceberg table."""
        own = self.own(entries)
        return {
            name: content["metadataLocation"] if content["type"] == _TABLE else ""
            for name, content in entries.items()
            if name not in own and content["type"] != _VIEW
        }

    def _read(self, name: str, metadata: str) -> StoredTable | None:
        if metadata not in self.known:
            self.known[metadata] = self._read_anew(name, metadata)
        return self.known[metadata]

    def _read_anew(self, name: str, metadata: str) -> StoredTable | None:
        try:
            return iceberg.read(name, metadata, self.bucket.path(metadata), "")
        except iceberg.NotOursError:
            return None
        except Exception:
            # What others keep may be lost, or out of reach.
            if all(put != name for put, _ in self.history.put_by_runs()):
                return None
            raise
