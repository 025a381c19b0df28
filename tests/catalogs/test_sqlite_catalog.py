"""What is so of the embedded catalog alone: metadata that it keeps itself, in a folder."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commits import commits
from open_files import open_files

from lakehouse.errors import StorageError, UnknownNameError


@pytest.mark.long
def test_metadata_stays_short_however_often_a_table_is_written(catalog, write):
    catalog.create_branch("one")
    for number in range(25):
        write("one", "raw.a", number)
    (table,) = catalog.tables("one").values()
    metadata = json.loads(Path(table.metadata.removeprefix("file://")).read_text())
    assert table.rows == 25
    assert len(metadata["snapshots"]) <= 20
    assert len(metadata["metadata-log"]) <= 1


def test_what_is_gone_is_not_listed_for_ever(catalog, write, engine):
    catalog.create_branch("one")
    write("one", "raw.a", 0)
    for number in range(1, 10):
        write("one", "raw.a", number, remove=catalog.files("one", "raw.a", "at"))
    (table,) = catalog.tables("one").values()
    listed = engine.connection.execute(
        f"SELECT count(DISTINCT manifest_path) FROM iceberg_metadata('{table.metadata}')"
    ).fetchone()
    assert (table.rows, listed) == (1, (1,))  # of what is there, and what the newest commit removed


def test_a_home_that_was_moved_is_recognised(catalog, write, tmp_path):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    (tmp_path / "warehouse").rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match=r"metadata of raw\.a"):
        catalog.tables("one")


def test_commits_expire_unless_something_keeps_them(catalog, write):
    made = commits(catalog, write, *["raw.a"] * 5)
    catalog.tag("kept", made[0].id)
    catalog.rollback(made[3].id, run_id="back", message="")
    catalog.create_branch("living")
    catalog.rollback(made[4].id, run_id="forth", message="")
    later = catalog.head().committed_at + timedelta(seconds=1)
    gone = [made[4], made[3], made[2], made[1]]
    assert catalog.expirable(later) == gone
    assert catalog.expirable(made[2].committed_at) == [made[1]]
    catalog.expire(later)
    assert [each.readable for each in catalog.log()] == [True, True, *[False] * 4, True]
    assert catalog.expirable(later) == []
    assert set(catalog.tables("kept")) == {"raw.a"}


def test_an_expired_commit_says_so_wherever_it_is_asked_for(catalog, write):
    first, _ = commits(catalog, write, "raw.a", "raw.a")
    catalog.expire(datetime.now(UTC))
    for ask in (
        lambda: catalog.tables(first.id),
        lambda: catalog.tag("late", first.id),
        lambda: catalog.rollback(first.id, run_id="back", message=""),
    ):
        with pytest.raises(UnknownNameError, match=f"{first.id} of .* has expired"):
            ask()


def test_the_metadata_that_is_needed_is_that_of_every_readable_state(catalog, write):
    made = commits(catalog, write, "raw.a", "raw.b", "raw.a", "raw.a")
    places = [catalog.places(each.id) for each in made]
    catalog.tag("kept", made[0].id)
    catalog.create_branch("living")
    write("living", "raw.c", 7)
    now = datetime.now(UTC)
    assert catalog.needed(made[0].committed_at) == {
        *(place for each in places for place in each.values()),
        catalog.places("living")["raw.c"],
    }
    without = {*places[0].values(), *places[3].values(), catalog.places("living")["raw.c"]}
    assert catalog.needed(now) == without
    catalog.expire(now)
    assert catalog.needed(made[0].committed_at) == without


def test_closing_closes_the_connections_of_all_threads(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(catalog.tables, ["one"] * 9))
    assert len(open_files(catalog.path)) > 3
    catalog.close()
    catalog.close()
    assert open_files(catalog.path) == []


def test_a_catalog_that_was_closed_can_be_asked_again(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    catalog.close()
    assert set(catalog.tables("one")) == {"raw.a"}
    write("one", "raw.b", 1)
    catalog.close()
    assert open_files(catalog.path) == []


def test_closing_does_not_take_the_time_to_rewrite_the_file(catalog):
    catalog.create_branch("one")
    written = catalog.path.with_name("catalog.db-wal")
    before = written.read_bytes()
    catalog.close()
    assert written.read_bytes() == before
    assert [branch.name for branch in catalog.branches()] == ["one"]


def test_closing_a_catalog_whose_file_is_gone_is_no_error(catalog):
    catalog.create_branch("one")
    catalog.path.unlink()
    catalog.close()
    assert open_files(catalog.path) == []
