"""Avro files, how to read which is worked out once for each kind of file."""

import re
import sys

import pytest
from pyiceberg.avro import file as avro
from pyiceberg.avro.file import AvroFile
from pyiceberg.manifest import ManifestEntry, ManifestFile, read_manifest_list
from pyiceberg.utils.schema_conversion import AvroSchemaConversion
from seen import assert_unchanged, needless

from lakehouse.patches.pyiceberg_avro import GET_SCHEMA, RESOLVE_READER, remember

PATCH = "pyiceberg_avro"
RELIED_UPON = {
    GET_SCHEMA: "53a531aa12e6",
    RESOLVE_READER: "db224e6aa77f",
    AvroFile.__enter__: "826f84c9fb84",
    ManifestFile.fetch_manifest_entry: "299fe7a76818",
    read_manifest_list: "9128ea671ba6",
    AvroSchemaConversion.avro_to_iceberg: "4cecf95c190f",
}
"""What is replaced, and who calls it with which schemas and classes."""


@pytest.fixture
def table(catalog, write):
    """A table of two files, in two manifests."""
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    write("one", "raw.a", 2)
    return catalog._pyiceberg("one").load_table("raw.a")


@pytest.fixture
def unpatched(monkeypatch):
    """PyIceberg as it comes."""
    monkeypatch.setattr(avro.AvroFileHeader, "get_schema", GET_SCHEMA)
    monkeypatch.setattr(avro, "resolve_reader", RESOLVE_READER)


@pytest.fixture
def patched():
    remember()


def read(table):
    """All that the list of manifests and the manifests of a table say."""
    listed = list(read_manifest_list(table.io.new_input(table.current_snapshot().manifest_list)))
    entries = [each for one in listed for each in one.fetch_manifest_entry(table.io)]
    assert all(isinstance(each, ManifestEntry) for each in entries)
    return [re.sub(r"<[^>]* at 0x\w+>", "", repr(each)) for each in (*listed, *entries)]


def derived(table):
    """How often schemas, and readers of other things than headers, are derived for a table."""
    calls = []

    def watch(frame, event, _):
        if event == "call" and frame.f_code is AvroSchemaConversion.avro_to_iceberg.__code__:
            calls.append("schema")
        if event == "call" and frame.f_code is RESOLVE_READER.__code__:
            calls.extend(["readers"] * (frame.f_locals["file_schema"] is not avro.META_SCHEMA))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        read(table)
    finally:
        sys.setprofile(before)
    return sorted(calls)


def test_nothing_is_derived_twice(table, patched):
    read(table)
    assert derived(table) == []


def test_files_say_what_they_say_to_pyiceberg(table, patched, request):
    ours = read(table)
    request.getfixturevalue("unpatched")
    assert read(table) == ours
    assert len(ours) == 4


def test_other_classes_for_the_same_schema_get_readers_of_their_own(table, patched):
    file = table.io.new_input(table.current_snapshot().manifest_list)
    assert not isinstance(next(iter(AvroFile(file).__enter__())), ManifestFile)
    with AvroFile(file, read_types={-1: ManifestFile}) as reader:
        assert isinstance(next(iter(reader)), ManifestFile)


def test_a_file_without_a_schema_is_refused_as_by_pyiceberg(patched):
    with pytest.raises(ValueError, match="No schema found"):
        avro.AvroFileHeader(avro.MAGIC, {}, b"").get_schema()


def test_pyiceberg_reads_avro_as_it_did():
    assert_unchanged(PATCH, "pyiceberg", RELIED_UPON)


def test_pyiceberg_derives_for_each_file_anew(table, unpatched):
    read(table)
    of_three_files = ["readers"] * 3 + ["schema"] * 3
    assert derived(table) == of_three_files, needless(PATCH, "pyiceberg")
