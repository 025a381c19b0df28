"""Transactions of PyIceberg that do nothing twice: a run commits once for each of its tables.

What is overridden here has no public place to be told; the version of PyIceberg is pinned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiceberg.manifest import ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table import Transaction
from pyiceberg.table.update import RemoveSnapshotsUpdate
from pyiceberg.table.update.snapshot import _OverwriteFiles

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata

_SNAPSHOTS_KEPT = 10


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
        listed: list[ManifestFile] = []
        leaving: list[ManifestEntry] = []
        for manifest in filter(lives, snapshot.manifests(self._io) if snapshot else ()):
            entries = manifest.fetch_manifest_entry(self._io)
            staying = [each for each in entries if not self._leaves(each)]
            if len(staying) == len(entries):
                listed.append(manifest)
                continue
            leaving += filter(self._leaves, entries)
            if staying:
                with self.new_manifest_writer(self.spec(manifest.partition_spec_id)) as writer:
                    for each in staying:
                        writer.existing(each)
                listed.append(writer.to_manifest_file())
        self._validate_required_deletes(leaving)
        with self.new_manifest_writer(metadata.spec()) as writer:
            for each in leaving:
                writer.delete(each)
            for file in self._added_data_files:
                writer.add_entry(
                    ManifestEntry.from_args(
                        status=ManifestEntryStatus.ADDED,
                        snapshot_id=self._snapshot_id,
                        data_file=file,
                    )
                )
        return [writer.to_manifest_file(), *listed]

    def _leaves(self, entry: ManifestEntry) -> bool:
        return entry.data_file in self._deleted_data_files


def lives(manifest: ManifestFile) -> bool:
    """Whether it lists files that are there."""
    return manifest.has_added_files() or manifest.has_existing_files()


def forget_snapshots(transaction: Transaction) -> None:
    """Keep the metadata short: refs name metadata files, so older snapshots are not looked up."""
    metadata = transaction.table_metadata
    older = [each.snapshot_id for each in metadata.snapshots[:-_SNAPSHOTS_KEPT]]
    if len(older) > _SNAPSHOTS_KEPT:
        forget = RemoveSnapshotsUpdate.model_validate({"snapshot-ids": older})
        transaction._apply((forget,))  # noqa: SLF001 - the public way commits by itself
