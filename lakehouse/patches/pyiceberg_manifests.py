"""Lists of manifests, and manifests, read only if they are whole.

PyIceberg reads Avro in C, which believes every length in the file: damaged ones end the process, or
are read as something else. So each file is looked through before PyIceberg reads it.

Gain: none in time, and it costs none that could be measured. Without it a damaged file ends a run
without a word. Seen with PyIceberg 0.12.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from pyiceberg.manifest import ManifestEntry, ManifestFile, read_manifest_list
from pyiceberg.utils.concurrent import ExecutorFactory

from lakehouse.patches.pyiceberg_blocks import blocks_of
from lakehouse.storage import readable

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.table.snapshots import Snapshot

_FEW = 8
"""Manifests that threads would not be worth it for."""


def manifests(snapshot: Snapshot | None, io: FileIO) -> list[ManifestFile]:
    """The manifests of a snapshot that list files that are there."""
    listed = _listed(snapshot.manifest_list, io) if snapshot else ()
    return [each for each in listed if each.has_added_files() or each.has_existing_files()]


def entries(listing: Sequence[ManifestFile], io: FileIO) -> list[list[ManifestEntry]]:
    """The live entries of each manifest; many are read side by side, a few are sooner read."""
    read = partial(_live, io=io)
    if len(listing) <= _FEW:
        return [*map(read, listing)]
    return [*ExecutorFactory.get_or_create().map(read, listing)]


def _listed(manifest_list: str, io: FileIO) -> list[ManifestFile]:
    with _whole(manifest_list, io):
        return [*read_manifest_list(io.new_input(manifest_list))]


def _live(manifest: ManifestFile, io: FileIO) -> list[ManifestEntry]:
    with _whole(manifest.manifest_path, io):
        return manifest.fetch_manifest_entry(io)


@contextmanager
def _whole(path: str, io: FileIO) -> Iterator[None]:
    """Have a file read that is not cut, nor something else. Raises StorageError."""
    with readable(path):
        with io.new_input(path).open() as stream:
            blocks_of(stream.read())
        yield
