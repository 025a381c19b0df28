"""Transactions of PyIceberg that do nothing twice: a run commits to each of its tables.

What is overridden here has no public place to be told; a newer PyIceberg has to be tried first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from pyiceberg.manifest import (
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    read_manifest_list,
)
from pyiceberg.table import Transaction
from pyiceberg.table.update import RemoveSnapshotsUpdate
from pyiceberg.table.update.snapshot import _OverwriteFiles
from pyiceberg.utils.concurrent import ExecutorFactory

from lakehouse.catalogs.avro_reader import blocks_of
from lakehouse.catalogs.iceberg import readable

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.snapshots import Snapshot

_SNAPSHOTS_KEPT = 10
_REMEMBERED = 64
"""Manifests, and lists of them, that are kept in mind: a merge looks first, and then commits."""
_FEW = 8
"""Manifests that threads would not be worth it for."""


class Frugal(Transaction):
    """A transaction that does not copy the table's metadata each of the many times it looks."""

    _seen: tuple[object, TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        if not self._updates:
            return self._table.metadata
        if self._seen is None or self._seen[0] is not self._updates:
            self._seen = self._updates, super().table_metadata
        return self._seen[1]


class Overwrite(_OverwriteFiles):
    """An overwrite that reads each manifest once, and writes one for all that comes and goes.

    PyIceberg writes one for each, in threads of its own, and lists for ever what holds nothing
    any more.
    """

    def _manifests(self) -> list[ManifestFile]:
        metadata = self._transaction.table_metadata
        snapshot = metadata.snapshot_by_name(self._target_branch)
        before = manifests(snapshot, self._io)
        every = dict(zip(before, entries(before, self._io), strict=True))
        leaving = [each for some in every.values() for each in some if self._leaves(each)]
        # Before anything is written, which would stay where it is.
        self._validate_required_deletes(leaving)
        with self.new_manifest_writer(metadata.spec()) as writer:
            for each in leaving:
                writer.delete(each)
            for file in self._added_data_files:
                new = ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, data_file=file)
                writer.add(new)
        kept = (each for manifest, some in every.items() for each in self._kept(manifest, some))
        return [writer.to_manifest_file(), *kept]

    def _kept(
        self, manifest: ManifestFile, listed: Sequence[ManifestEntry]
    ) -> Iterator[ManifestFile]:
        """A manifest as it stays: anew if some of its files leave, not at all if all of them do."""
        staying = [each for each in listed if not self._leaves(each)]
        if len(staying) == len(listed):
            yield manifest
        elif staying:
            with self.new_manifest_writer(self.spec(manifest.partition_spec_id)) as writer:
                for each in staying:
                    writer.existing(each)
            yield writer.to_manifest_file()

    def _leaves(self, entry: ManifestEntry) -> bool:
        return entry.data_file in self._deleted_data_files


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


# Neither file is ever written twice, so what it says stays right.
@lru_cache(_REMEMBERED)
def _listed(manifest_list: str, io: FileIO) -> list[ManifestFile]:
    with _whole(manifest_list, io):
        return [*read_manifest_list(io.new_input(manifest_list))]


@lru_cache(_REMEMBERED)
def _live(manifest: ManifestFile, io: FileIO) -> list[ManifestEntry]:
    with _whole(manifest.manifest_path, io):
        return manifest.fetch_manifest_entry(io)


@contextmanager
def _whole(path: str, io: FileIO) -> Iterator[None]:
    """Have a file read that is not cut, nor something else."""
    with readable(path):
        with io.new_input(path).open() as stream:
            blocks_of(stream.read())
        yield


def forget_snapshots(transaction: Transaction) -> None:
    """Keep the metadata short: refs name metadata files, so older snapshots are not looked up."""
    # Those before the one that a transaction adds: to ask for it as well takes its time.
    before = transaction._table.metadata.snapshots  # noqa: SLF001 - there is no public way to it
    older = [each.snapshot_id for each in before[: 1 - _SNAPSHOTS_KEPT]]
    if len(older) > _SNAPSHOTS_KEPT:
        forget = RemoveSnapshotsUpdate.model_validate({"snapshot-ids": older})
        transaction._apply((forget,))  # noqa: SLF001 - the public way commits by itself
