"""Avro files that may be damaged, read without PyIceberg."""

from pathlib import Path

import pytest
from huge_blocks import read_by_pyiceberg, with_a_huge_block
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import read_manifest_list
from seen import needless

from lakehouse.patches.pyiceberg_blocks import blocks_of, records
from lakehouse.storage import local

PATCH = "pyiceberg_blocks"


@pytest.fixture
def listed(catalog, write):
    """A list of manifests."""
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    write("one", "raw.a", 2)
    table = catalog._pyiceberg("one").load_table("raw.a")
    return Path(local(table.current_snapshot().manifest_list))


def by_pyiceberg(path):
    return list(read_manifest_list(PyArrowFileIO().new_input(str(path))))


def test_an_intact_list_says_what_it_says_to_pyiceberg(listed):
    ours = records(listed.read_bytes())
    own = by_pyiceberg(listed)
    assert len(ours) == 2
    for record, manifest in zip(ours, own, strict=True):
        assert record["manifest_path"] == manifest.manifest_path
        assert record["manifest_length"] == manifest.manifest_length
        assert record["added_snapshot_id"] == manifest.added_snapshot_id
        assert record["added_rows_count"] == manifest.added_rows_count


@pytest.mark.parametrize("kept", [0, 3, 100, -17, -1])
def test_a_list_that_is_cut_is_refused(listed, kept):
    with pytest.raises(ValueError, match=r"."):
        blocks_of(listed.read_bytes()[:kept])


def test_a_list_whose_last_block_ends_in_something_else_is_refused(listed):
    with pytest.raises(ValueError, match="does not end where it should"):
        blocks_of(ending_in_something_else(listed))


def ending_in_something_else(listed):
    """The file, the last byte of which is another."""
    raw = bytearray(listed.read_bytes())
    raw[-1] ^= 1
    return bytes(raw)


def test_a_list_with_a_length_that_cannot_be_is_refused(listed):
    with pytest.raises(ValueError, match="ends too soon"):
        blocks_of(with_a_huge_block(listed.read_bytes()))


@pytest.mark.long
def test_pyiceberg_does_not_survive_a_length_that_cannot_be(listed):
    assert read_by_pyiceberg(listed) == (0, "")
    listed.write_bytes(with_a_huge_block(listed.read_bytes()))
    code, said = read_by_pyiceberg(listed)
    assert code < 0, f"{needless(PATCH, 'pyiceberg')}, which says: {said}"
