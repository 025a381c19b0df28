"""Looks whether the files that say which rows a table has are what was written.

Readers of damaged ones may crash, or read something else than was written, so it is looked before.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from lakehouse.catalogs.avro_reader import blocks_of, records
from lakehouse.catalogs.iceberg import local
from lakehouse.errors import StorageError

Checksum = Callable[[str], int | None]
"""Gives the checksum that a file had when it was written, if that is known."""


def require_intact(table: str, metadata: str, checksum: Checksum) -> None:
    """Raise StorageError if metadata, the list of manifests or a manifest is lost or damaged."""
    path = local(metadata)
    try:
        for named, raw in _named(path):
            path, known = named, checksum(named)
            if known is not None and zlib.crc32(raw) != known:
                raise ValueError  # noqa: TRY301
            if known is None and path.endswith(".avro"):
                blocks_of(raw)
    except FileNotFoundError as error:
        raise StorageError(
            f"of {table}, there is no {error.filename}", hint="`doctor` names the cure"
        ) from None
    except Exception:  # noqa: BLE001 - there may be anything in it
        raise StorageError(
            f"of {table}, {path} is damaged", hint="`doctor` names the cure"
        ) from None


def _named(metadata: str) -> Iterator[tuple[str, bytes]]:
    """The files and what they hold; each is read for the next only after it was looked at."""
    raw = Path(metadata).read_bytes()
    yield metadata, raw
    document = json.loads(raw)
    current = document.get("current-snapshot-id")
    for snapshot in document.get("snapshots", ()):
        if snapshot["snapshot-id"] == current:
            path = local(snapshot["manifest-list"])
            raw = Path(path).read_bytes()
            yield path, raw
            for record in records(raw):
                manifest = local(record["manifest_path"])
                yield manifest, Path(manifest).read_bytes()
