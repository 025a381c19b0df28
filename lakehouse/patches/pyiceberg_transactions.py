"""Transactions of PyIceberg that do nothing twice: a run commits to each of its tables.

Whenever a transaction of PyIceberg is asked for the table's metadata, it applies all of its changes
to a copy of them, validated anew; a commit asks some twenty times. `Frugal` keeps what it got until
there are more changes, and so does `FrugalCreation` for a table that is created.

An overwrite of PyIceberg reads each manifest twice, in threads, and writes one manifest for files
that come and one for files that go. A manifest of which all files have gone is listed by every
later snapshot, so lists grow for ever, and each read of the table reads them. `Overwrite` reads
each once, writes one manifest, and lists none that has nothing in it. Of files that go it keeps no
least and greatest values, as their rows may have been erased.

Gain: without `Frugal` a commit takes 24 ms instead of 14, which is 3.6 % of a day's run; with
PyIceberg's overwrite 18 ms, 1.4 %, and more with each day. Without `FrugalCreation`, to create
fourteen tables takes 160 ms of processor time instead of 120. Seen with PyIceberg 0.12.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pyiceberg.manifest import DataFile, ManifestEntry, ManifestEntryStatus, ManifestFile
from pyiceberg.table import CreateTableTransaction, StagedTable, Transaction
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _OverwriteFiles

from lakehouse.patches.pyiceberg_manifests import entries, manifests

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.table.metadata import TableMetadata


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


class FrugalCreation(Frugal, CreateTableTransaction):
    """The same for a table that is created: `transaction` is PyIceberg's own, just begun."""

    def __init__(self, transaction: CreateTableTransaction) -> None:
        table = transaction._table  # noqa: SLF001 - there is no public way to it
        assert isinstance(table, StagedTable)
        super().__init__(table)


class Overwrite(_OverwriteFiles):
    """An overwrite that reads each manifest once, and writes one for all that comes and goes."""

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
                writer.delete(_without_bounds(each))
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


def _without_bounds(entry: ManifestEntry) -> ManifestEntry:
    """Return the entry of a file that leaves, without the least and greatest values of its rows.

    Nobody reads these, and the rows may have been erased.
    """
    file = entry.data_file
    bare = DataFile.from_args(
        content=file.content,
        file_path=file.file_path,
        file_format=file.file_format,
        partition=file.partition,
        record_count=file.record_count,
        file_size_in_bytes=file.file_size_in_bytes,
    )
    bare.spec_id = file.spec_id
    return ManifestEntry.from_args(
        status=entry.status,
        snapshot_id=entry.snapshot_id,
        sequence_number=entry.sequence_number,
        file_sequence_number=entry.file_sequence_number,
        data_file=bare,
    )


def overwrite(transaction: Transaction, summary: dict[str, str]) -> Overwrite:
    """Begin an overwrite in a transaction; it is applied when its `with` ends."""
    io = file_io(transaction)
    return Overwrite(Operation.OVERWRITE, transaction, io, snapshot_properties=summary)


def file_io(transaction: Transaction) -> FileIO:
    """What a transaction reads and writes files with; PyIceberg offers no public way to it."""
    return transaction._table.io  # noqa: SLF001
