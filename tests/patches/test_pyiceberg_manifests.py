"""Lists of manifests, and manifests, that are looked through before PyIceberg reads them."""

from pathlib import Path

import pytest
from huge_blocks import read_by_pyiceberg, with_a_huge_block
from pyiceberg.manifest import ManifestFile, read_manifest_list
from seen import assert_unchanged, needless

from lakehouse.errors import StorageError
from lakehouse.patches import pyiceberg_manifests
from lakehouse.patches.pyiceberg_manifests import entries, manifests
from lakehouse.storage import local

PATCH = "pyiceberg_manifests"
RELIED_UPON = {
    read_manifest_list: "9128ea671ba6",
    ManifestFile.fetch_manifest_entry: "299fe7a76818",
    ManifestFile.has_added_files: "050e17736119",
    ManifestFile.has_existing_files: "df126eac3d6c",
}


@pytest.fixture
def table(catalog, write):
    """A table of two files, in two manifests; a third one's is gone."""
    catalog.create_branch("one")
    write("one", "raw.a", 0)
    (first,) = catalog.files("one", "raw.a")
    write("one", "raw.a", 1, remove=[first])
    write("one", "raw.a", 2)
    return catalog._pyiceberg("one").load_table("raw.a")


def cut(path):
    """Cut a file by a byte."""
    path = Path(local(path))
    path.write_bytes(path.read_bytes()[:-1])


def read(table):
    listed = manifests(table.current_snapshot(), table.io)
    return [entry.data_file.file_path for some in entries(listed, table.io) for entry in some]


@pytest.mark.parametrize("few", [0, 8])
def test_live_files_are_those_that_pyiceberg_scans(table, monkeypatch, few):
    monkeypatch.setattr(pyiceberg_manifests, "_FEW", few)
    scanned = [task.file.file_path for task in table.scan().plan_files()]
    assert sorted(read(table)) == sorted(scanned)
    assert len(scanned) == 2


def test_a_table_without_a_snapshot_has_no_manifests(table):
    assert manifests(None, table.io) == []


def test_a_list_that_is_cut_is_named(table):
    place = table.current_snapshot().manifest_list
    cut(place)
    with pytest.raises(StorageError, match=Path(local(place)).name):
        read(table)


def test_a_manifest_that_is_cut_is_named(table):
    place = manifests(table.current_snapshot(), table.io)[0].manifest_path
    cut(place)
    with pytest.raises(StorageError, match=Path(local(place)).name):
        read(table)


def test_pyiceberg_reads_manifests_as_it_did():
    assert_unchanged(PATCH, "pyiceberg", RELIED_UPON)


@pytest.mark.long
def test_pyiceberg_does_not_look_through_what_it_reads(table):
    place = Path(local(table.current_snapshot().manifest_list))
    place.write_bytes(with_a_huge_block(place.read_bytes()))
    code, said = read_by_pyiceberg(place)
    assert code < 0, f"{needless(PATCH, 'pyiceberg')}, which says: {said}"
