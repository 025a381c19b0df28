"""Checks that the metadata files of a table are unchanged since they were written.

This comes before reading: on a damaged file, a reader may crash or return wrong rows.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from lakehouse.errors import StorageError
from lakehouse.patches.pyiceberg_blocks import blocks_of, records
from lakehouse.storage import local

Checksum = Callable[[str], int | None]
"""Function from a path to the CRC-32 that the file had when it was written; None: not known."""


def require_intact(table: str, metadata: str, checksum: Checksum) -> None:
    """Raise StorageError if the metadata file, manifest list or a manifest is lost or damaged."""
    path = local(metadata)
    try:
        for named, raw in _contents(path):
            path, expected = named, checksum(named)
            if expected is not None and zlib.crc32(raw) != expected:
                raise ValueError  # noqa: TRY301
            if expected is None and path.endswith(".avro"):
                blocks_of(raw)
    except FileNotFoundError as error:
        raise StorageError(
            f"a file of {table} is missing: {error.filename}", hint="`doctor` names the cure"
        ) from None
    except Exception:  # noqa: BLE001 - parsing damaged bytes may raise anything
        raise StorageError(
            f"a file of {table} is damaged: {path}", hint="`doctor` names the cure"
        ) from None


def _contents(metadata: str) -> Iterator[tuple[str, bytes]]:
    """Yield the path and bytes of each file.

    The caller checks each file before the path of the next one is parsed from it.
    """
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
