"""One FileIO for all tables of a catalog."""

import pytest
from pyiceberg.catalog import Catalog, MetastoreCatalog
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from seen import assert_unchanged, needless

from lakehouse.patches.pyiceberg_file_io import OneFileIO

PATCH = "pyiceberg_file_io"
RELIED_UPON = {
    Catalog._load_file_io: "2e4ecfd9d16b",
    RestCatalog._load_file_io: "a6a0c84deb89",
    RestCatalog._response_to_table: "c0f3a6773828",
    MetastoreCatalog._update_and_stage_table: "ffc81386232b",
}
"""What is overridden, and who asks for it."""


class Plain(MetastoreCatalog, NoopCatalog):
    """A catalog of PyIceberg as it comes."""


class One(OneFileIO, Plain):
    """The same with one FileIO."""

    _io = PyArrowFileIO()


def test_a_catalog_has_one_file_io_whatever_it_is_asked_for():
    catalog = One("one")
    assert catalog._load_file_io() is One._io
    assert catalog._load_file_io({"s3.endpoint": "http://elsewhere"}, "s3://bucket/a") is One._io


def test_tables_and_commits_use_it(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    write("one", "raw.b", 1)
    tables = catalog._pyiceberg("one")
    assert {tables.load_table(name).io for name in ("raw.a", "raw.b")} == {tables._io}
    noted = len(tables.written)
    write("one", "raw.a", 2)
    assert len(tables.written) > noted


@pytest.mark.parametrize("kind", [MetastoreCatalog, RestCatalog])
def test_pyiceberg_asks_a_catalog_for_its_file_io(kind):
    assert "_load_file_io" in "".join(
        str(each.__code__.co_names) for each in vars(kind).values() if hasattr(each, "__code__")
    ), f"lakehouse/patches/{PATCH}.py overrides what {kind.__name__} does not call any more"


def test_pyiceberg_loads_files_as_it_did():
    assert_unchanged(PATCH, "pyiceberg", RELIED_UPON)


def test_pyiceberg_makes_another_file_io_each_time():
    catalog = Plain("plain")
    assert catalog._load_file_io() is not catalog._load_file_io(), needless(PATCH, "pyiceberg")
