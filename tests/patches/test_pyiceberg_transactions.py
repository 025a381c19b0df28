"""Transactions that do nothing twice, beside PyIceberg's own."""

from functools import partial

import pyarrow as pa
import pytest
from pyiceberg.exceptions import ValidationException
from pyiceberg.table import CreateTableTransaction, Transaction
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update import UpdateTableMetadata
from pyiceberg.table.update.snapshot import _OverwriteFiles, _SnapshotProducer
from seen import assert_unchanged, needless

from lakehouse.patches import pyiceberg_transactions
from lakehouse.patches.pyiceberg_manifests import entries, manifests
from lakehouse.patches.pyiceberg_transactions import (
    Frugal,
    FrugalCreation,
    Overwrite,
    file_io,
    overwrite,
)

PATCH = "pyiceberg_transactions"
RELIED_UPON = {
    Transaction.__init__: "eb454f64cc31",
    Transaction.table_metadata.fget: "566445c508c5",
    CreateTableTransaction.__init__: "b8aeb9ad8556",
    CreateTableTransaction._initial_changes: "ff8ba2cb9553",
    CreateTableTransaction.commit_transaction: "a3f40b7c8e1c",
    Transaction._stage: "f83aa5d523b5",
    Transaction._apply: "729185e8d455",
    UpdateTableMetadata.commit: "19fc890b07f5",
    _SnapshotProducer.__init__: "354380cdd93f",
    _SnapshotProducer._manifests: "847b10b97c1a",
    _SnapshotProducer._commit: "c69fa63e499d",
    _SnapshotProducer.new_manifest_writer: "e7473e28b63c",
    _OverwriteFiles._existing_manifests: "3e044e5648f5",
    _OverwriteFiles._deleted_entries: "4100fc03ec04",
    _OverwriteFiles._validate_required_deletes: "9cde42e2f7bc",
}
"""What is overridden, what calls that, and what stands in for it."""


@pytest.fixture
def table(catalog, write):
    """A table of two files."""
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    write("one", "raw.a", 2)
    return lambda: catalog._pyiceberg("one").load_table("raw.a")


def listed(table):
    """The manifests that the newest snapshot lists, those of nothing included."""
    return table.current_snapshot().manifests(table.io)


def live(table):
    """The files that are there."""
    some = entries(manifests(table.current_snapshot(), table.io), table.io)
    return {entry.data_file.file_path for each in some for entry in each}


def replace_first(table, kind):
    """Remove the first file by an overwrite of a kind, and add it again under its name."""
    first = entries(manifests(table.current_snapshot(), table.io), table.io)[0][0].data_file
    with (
        Frugal(table) as transaction,
        kind(Operation.OVERWRITE, transaction, file_io(transaction)) as snapshot,
    ):
        snapshot.delete_data_file(first)
        snapshot.append_data_file(first)


def remove_file(file, table):
    """Remove a file from a table."""
    with Frugal(table) as transaction, overwrite(transaction, {}) as snapshot:
        snapshot.delete_data_file(file)


def test_metadata_is_made_once_for_each_change(table):
    transaction = Frugal(table())
    before = transaction.table_metadata
    transaction.set_properties({"a": "1"})
    after = transaction.table_metadata
    assert transaction.table_metadata is after
    transaction.set_properties({"b": "2"})
    assert before.properties.keys() & {"a", "b"} == set()
    assert after.properties.keys() & {"a", "b"} == {"a"}
    assert transaction.table_metadata.properties.keys() & {"a", "b"} == {"a", "b"}


def test_metadata_is_what_pyiceberg_makes_of_it(table):
    found = table()
    ours, own = Frugal(found), Transaction(found)
    for transaction in (ours, own):
        transaction.set_properties({"a": "1"})
    ours, own = (each.table_metadata.model_dump() for each in (ours, own))
    assert ours | {"last-updated-ms": 0} == own | {"last-updated-ms": 0}


@pytest.fixture
def creation(catalog):
    """Begins to create a table of a name, as PyIceberg does."""
    catalog.create_branch("one")
    tables = catalog._pyiceberg("one")
    tables.create_namespace_if_not_exists("raw")
    columns = pa.schema([("id", pa.int64()), ("name", pa.string())])
    place = catalog.location("raw.new")
    return lambda: tables.create_table_transaction("raw.new", schema=columns, location=place)


def test_metadata_of_a_table_to_be_created_is_made_once_for_each_change(creation):
    transaction = FrugalCreation(creation())
    before = transaction.table_metadata
    assert transaction.table_metadata is before
    transaction.set_properties({"a": "1"})
    assert transaction.table_metadata.properties == {"a": "1"}


def test_a_table_is_created_as_pyiceberg_creates_it(creation):
    begun = creation()
    ours, own = FrugalCreation(begun), begun
    for transaction in (ours, own):
        transaction.set_properties({"a": "1"})
    ours, own = (each.table_metadata.model_dump() for each in (ours, own))
    assert ours | {"last-updated-ms": 0} == own | {"last-updated-ms": 0}


def test_every_table_begins_from_nothing(creation, catalog):
    tables = catalog._pyiceberg("one")
    for name in ("a", "b"):
        with creation() as transaction:
            transaction.set_properties({name: "1"})
        assert tables.load_table("raw.new").properties == {name: "1"}
        tables.drop_table("raw.new")


def test_an_overwrite_leaves_the_files_that_pyiceberg_leaves(table):
    before = live(table())
    replace_first(table(), _OverwriteFiles)
    assert live(table()) == before
    replace_first(table(), Overwrite)
    assert live(table()) == before


def test_an_overwrite_writes_one_manifest_for_all_that_comes_and_goes(table):
    replace_first(table(), Overwrite)
    found = table()
    new = [each for each in listed(found) if each.added_snapshot_id == found.current_snapshot().snapshot_id]  # fmt: skip
    assert [(each.added_files_count, each.deleted_files_count) for each in new] == [(1, 1)]


def test_an_overwrite_reads_each_manifest_once(table, monkeypatch):
    read = []
    monkeypatch.setattr(
        pyiceberg_transactions,
        "entries",
        lambda listing, io: read.extend(listing) or entries(listing, io),
    )
    before = listed(table())
    replace_first(table(), Overwrite)
    assert [each.manifest_path for each in read] == [each.manifest_path for each in before]


def test_what_is_no_file_of_the_table_cannot_be_removed(table):
    found = table()
    gone, *_ = entries(manifests(found.current_snapshot(), found.io), found.io)[0]
    remove = partial(remove_file, gone.data_file)
    remove(found)
    with pytest.raises(ValidationException, match="Missing required files"):
        remove(table())


def test_pyiceberg_commits_as_it_did():
    assert_unchanged(PATCH, "pyiceberg", RELIED_UPON)


def test_pyiceberg_makes_metadata_anew_whenever_it_is_asked(table):
    transaction = Transaction(table())
    transaction.set_properties({"a": "1"})
    assert transaction.table_metadata is not transaction.table_metadata, f"Frugal: {needless(PATCH, 'pyiceberg')}"  # fmt: skip


def test_pyiceberg_makes_metadata_of_a_new_table_anew_whenever_it_is_asked(creation):
    transaction = creation()
    assert transaction.table_metadata is not transaction.table_metadata, f"FrugalCreation: {needless(PATCH, 'pyiceberg')}"  # fmt: skip


def test_pyiceberg_lists_what_holds_nothing_any_more(table):
    for _ in range(3):
        replace_first(table(), _OverwriteFiles)
    idle = [each for each in listed(table()) if not each.has_added_files() and not each.has_existing_files()]  # fmt: skip
    assert len(idle) > 1, f"Overwrite: {needless(PATCH, 'pyiceberg')}"
