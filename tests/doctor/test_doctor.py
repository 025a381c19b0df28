"""What is lost or damaged of tables and of the catalog is named, and so is what mends it."""

import sqlite3
from contextlib import closing

import pytest
from kinds_of_damage import KINDS
from toy import at, event

from lakehouse.doctor import examination
from lakehouse.engines import duckdb
from lakehouse.errors import QueryError, StorageError
from lakehouse.history import main_moves
from lakehouse.maintain import files, maintain


@pytest.fixture
def two_days(toy, source):
    """A home with two commits."""
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0)
    toy.first = toy.head()
    toy.run(1)
    toy.engine = duckdb.connect()  # one that remembers no file
    return toy


def newest(toy, table, ending):
    """The file of a table that was written last."""
    found = (toy.session.settings.warehouse / table).rglob(f"*{ending}")
    return max(found, key=lambda each: each.stat().st_mtime_ns)


def found(toy, *, deep=False):
    """What is not in order."""
    with toy.session as session:
        return [each for each in examination.examine(session, deep=deep) if not each.healthy]


def command(finding):
    """The command that a finding names."""
    return finding.cure.split("`")[1].removeprefix("lakehouse ")


def mend(toy, finding):
    """Roll back as the finding says, and run again what was lost."""
    assert command(finding) == f"rollback {toy.first}"
    with toy.session as session:
        main_moves.rollback(session, toy.first)
    assert found(toy, deep=True) == []
    toy.run(1)
    assert toy.published("total") == toy.rows("marts.total") == [{"rows": 2, "total": 3}]
    assert found(toy, deep=True) == []


@pytest.mark.sample(0, long=4)
@pytest.mark.parametrize("kind", KINDS)
def test_main_whose_metadata_is_damaged_is_rolled_back(kind, two_days):
    place = newest(two_days, "marts/daily", ".metadata.json")
    KINDS[kind](place)
    for ask in (two_days.run, lambda: two_days.rows("marts.total")):
        with pytest.raises(StorageError, match="`doctor` names the cure") as error:
            ask()
        assert "marts.daily" in error.value.message
        assert str(place) in error.value.message
    (finding,) = found(two_days)
    assert (finding.what, str(place) in finding.detail) == ("tables", True)
    mend(two_days, finding)


@pytest.mark.long
def test_main_whose_metadata_is_lost_is_rolled_back(two_days):
    newest(two_days, "marts/daily", ".metadata.json").unlink()
    (finding,) = found(two_days)
    mend(two_days, finding)


@pytest.mark.sample(0, long=6)
@pytest.mark.parametrize("kind", ["empty", "cut", "zeros", "garbage"])
@pytest.mark.parametrize("ending", ["-m0.avro", "snap-*.avro", ".parquet"])
def test_a_deep_look_finds_what_is_damaged_below_the_metadata(kind, ending, two_days):
    place = newest(two_days, "raw/events", ending)
    KINDS[kind](place)
    (finding,) = found(two_days, deep=True)
    assert "raw.events" in finding.detail
    assert str(place) in finding.detail
    if ending.endswith(".avro"):  # whoever wants the tables is told as well
        assert found(two_days) == [finding]
        with pytest.raises(StorageError, match=r"a file of raw\.events is damaged: "):
            two_days.run(1)
    mend(two_days, finding)


@pytest.mark.long
@pytest.mark.parametrize("ending", [".metadata.json", "-m0.avro", "snap-*.avro", ".parquet"])
def test_a_deep_look_finds_one_bit_that_is_wrong(ending, two_days):
    place = newest(two_days, "raw/events", ending)
    raw = bytearray(place.read_bytes())
    raw[len(raw) // 2] ^= 1
    place.write_bytes(raw)
    (finding,) = found(two_days, deep=True)
    assert str(place) in finding.detail
    mend(two_days, finding)


@pytest.mark.long
def test_checksums_go_with_their_files(two_days):
    (two_days.folder / "lakehouse.toml").write_text(
        "[project]\n[maintain]\nkeep_days = 0\ngrace_hours = 0\n"
    )
    with two_days.session as session:
        maintain(session)
        known = {*session.catalog.checksums()}
        assert known == {found.path for found in files.stored(session.settings.warehouse)}


@pytest.mark.long
def test_a_damaged_file_is_named_by_whoever_reads_it(two_days):
    place = newest(two_days, "marts/total", ".parquet")
    KINDS["zeros"](place)
    with pytest.raises(QueryError, match="doctor --deep") as error:
        two_days.rows("marts.total")
    assert str(place) in error.value.message
    assert "\n" not in error.value.message


@pytest.mark.long
def test_a_model_that_lost_rows_is_built_anew(two_days):
    KINDS["cut"](newest(two_days, "marts/total", ".parquet"))
    (finding,) = found(two_days, deep=True)
    assert command(finding) == "run --full-refresh --select 'marts.total'"
    two_days.run(1, selected="marts.total", full_refresh=True)
    assert found(two_days, deep=True) == []
    assert two_days.rows("marts.total") == [{"rows": 2, "total": 3}]


@pytest.mark.long
def test_without_a_commit_that_can_be_read_there_is_a_new_beginning(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    KINDS["empty"](newest(toy, "raw/events", ".metadata.json"))
    (finding,) = found(toy)
    assert "no commit can be read" in finding.cure


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", ["lost", "empty", "garbage", "zeros"])
def test_a_damaged_catalog_is_not_taken_for_an_empty_home(kind, two_days):
    place = two_days.session.settings.home / "catalog.db"
    place.unlink() if kind == "lost" else KINDS[kind](place)
    for each in place.parent.glob("catalog.db-*"):
        each.unlink()
    for ask in (two_days.run, two_days.head, lambda: two_days.rows("marts.total")):
        with pytest.raises(StorageError, match="put a copy of it back") as error:
            ask()
        assert str(place) in error.value.message


@pytest.mark.long
def test_commits_that_the_catalog_lost_are_missed(two_days):
    with closing(sqlite3.connect(two_days.session.settings.home / "catalog.db")) as db, db:
        db.execute("DELETE FROM lakehouse_commits WHERE sequence = 2")
    assert ["its newest commits are lost" in each.detail for each in found(two_days)] == [True]
