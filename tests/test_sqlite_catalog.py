"""What is so of the embedded catalog alone: metadata that it keeps itself, in a folder."""

import json
from pathlib import Path

import pytest

from lakehouse.errors import StorageError


def test_metadata_stays_short_however_often_a_table_is_written(catalog, write):
    catalog.create_branch("one")
    for number in range(25):
        write("one", "raw.a", number)
    (table,) = catalog.tables("one").values()
    metadata = json.loads(Path(table.metadata.removeprefix("file://")).read_text())
    assert (table.rows, len(metadata["snapshots"]) <= 20) == (25, True)


def test_a_home_that_was_moved_is_recognised(catalog, write, tmp_path):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    (tmp_path / "warehouse").rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match=r"metadata of raw\.a"):
        catalog.tables("one")
