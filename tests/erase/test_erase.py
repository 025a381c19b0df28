"""Erasing a person: the rows are nowhere any more, and what is said about it names nobody."""

import gzip
import sqlite3
from datetime import timedelta

import pytest
from payments import Paid, payment
from toy import at

from lakehouse.erase.erasing import counted, erase, key_of
from lakehouse.errors import UnknownNameError
from lakehouse.maintain import maintain
from lakehouse.records import run_records
from lakehouse.records.run_records import RunStatus
from lakehouse.system import clock

ANNA = "anna-lovelace"
TABLES = ("raw.payments", "quarantine.payments", "silver.running", "marts.by_day")
MARTS = ("marts.by_person", "marts.total")


def payments():
    return [
        payment(ANNA, "1", 5, at(0)),
        payment(ANNA, "2", 7, at(0, 13)),
        payment("ben", "1", 3, at(0)),
        payment(ANNA, "3", 2, at(2)),
        payment("ben", "2", 4, at(2)),
        payment(ANNA, "bad", "many", at(2)),
        payment("ben", "bad", "few", at(2)),
    ]


def paid(folder, database, engine):
    home = Paid(folder, database, payments(), engine)
    home.change(most=8)  # a warning, whose sample rows name who it is
    home.run(0, 2)
    return home


@pytest.fixture
def home(tmp_path, database, engine):
    return paid(tmp_path, database, engine)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory, databases, engine):
    """A home for tests that change nothing."""
    with databases.lend() as address:
        yield paid(tmp_path_factory.mktemp("paid"), address, engine)


def leave(home, who):
    """Remove a person from the source."""
    home.source[:] = [row for row in home.source if row["who"] != who]


def go(home, **values):
    with home.session as session:
        return erase(session, key_of(session, "payments", values or {"who": ANNA}))


def whole(home):
    return {table: home.rows(table) for table in (*TABLES, *MARTS)}


def fresh(tmp_path_factory, database, engine, source):
    """What a home that never had other rows holds."""
    home = Paid(tmp_path_factory.mktemp("fresh"), database, source, engine)
    home.run(0, 2)
    return home


def test_a_home_is_as_if_the_person_had_never_been_there(home, tmp_path_factory, databases, engine):
    erased = go(home)
    assert erased.rows == {"raw.payments": 3, "quarantine.payments": 1}
    assert erased.kept == ()
    leave(home, ANNA)
    with databases.lend() as address:
        other = fresh(tmp_path_factory, address, engine, home.source)
        assert whole(home) == whole(other)
        for mart in ("by_day", "by_person", "total"):
            assert home.published(mart) == other.published(mart)
    before = home.head()
    assert home.run(0, 2).status is RunStatus.NOTHING_TO_DO
    again = go(home)
    assert (again.report.status, again.rows) == (RunStatus.NOTHING_TO_DO, {})
    assert home.head() == before


@pytest.mark.long
def test_counting_changes_nothing_and_names_all_places(lasting):
    before, rows = lasting.head(), whole(lasting)
    with lasting.session as session:
        session.catalog.tag("keep", "main")
        found = {
            h.place: h.rows for h in counted(session, key_of(session, "payments", {"who": ANNA}))
        }
    assert found == {
        "raw.payments": 3,
        "silver.running": 3,
        "marts.by_person": 1,
        "quarantine.payments": 1,
        "staged pages of 1 runs": None,
        "tag keep": 8,
    }
    assert (lasting.head(), whole(lasting)) == (before, rows)


def texts(home, folder):
    """Everything that the files below a folder hold, also what is compressed in them."""
    readers = {".parquet": "read_parquet", ".avro": "read_avro"}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            raw = path.read_bytes()
            if path.suffix in readers:
                rows = home.engine.execute(f"FROM {readers[path.suffix]}('{path}')").fetchall()
                raw = repr(rows).encode()
            yield path, gzip.decompress(raw) if path.suffix == ".gz" else raw


@pytest.mark.long
def test_after_the_grace_time_no_file_of_the_home_holds_the_value(home):
    warehouse = home.session.settings.warehouse
    before = {path.suffix for path, raw in texts(home, home.folder) if ANNA.encode() in raw}
    assert {".parquet", ".avro", ".json", ".gz", ".jsonl"} - before == {".jsonl"}
    erased = go(home)
    record = run_records.load(warehouse, erased.report.run_id)
    assert record["message"] == "erase raw.payments by who"
    (node,) = [node for node in record["nodes"] if node["node"] == "raw.payments"]
    assert (node["rows"], node["note"]) == (3, "3 rows erased by who")
    (home.folder / "lakehouse.toml").write_text("[maintain]\nkeep_days = 0\ngrace_hours = 0\n")
    with home.session as session:
        maintain(session)
    with sqlite3.connect(next(home.folder.rglob("catalog.db"))) as catalog:
        catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert [str(path) for path, raw in texts(home, home.folder) if ANNA.encode() in raw] == []


@pytest.mark.long
def test_tags_and_branches_that_hold_the_rows_are_named(home):
    with home.session as session:
        session.catalog.tag("keep", "main")
    held = home.run(1, hold=True)
    assert held.branch is None  # nothing was new
    home.source.append(payment(ANNA, "4", 1, at(1)))
    held = home.run(1, hold=True)
    erased = go(home)
    assert {holder.place: holder.cure for holder in erased.kept} == {
        "tag keep": "lakehouse tag keep --delete",
        f"branch {held.branch}": f"lakehouse branches --drop {held.branch}",
    }
    with home.session as session:
        (step,) = [node for node in maintain(session).nodes if node.step == "keep"]
    assert step.node == "tag keep"
    assert "`lakehouse tag keep --delete`" in step.note


@pytest.mark.long
def test_archived_rows_are_erased_too(home):
    home.source.append(payment(ANNA, "old", 1, clock.now() - timedelta(days=400)))
    home.change(retention="30d")
    with home.session as session:
        maintain(session)  # the days of March 2024
        key = key_of(session, "payments", {"who": ANNA})
        assert {h.place: h.rows for h in counted(session, key)}["archive"] == 3
    removed = {holder.place: holder.rows for holder in go(home).removed}
    assert removed["archive"] == 3
    files = f"{home.session.settings.warehouse}/archive/raw/payments/**/*.parquet"
    rows = home.engine.execute(f"SELECT who FROM read_parquet('{files}')").fetchall()
    assert rows == [("ben",), ("ben",)]


@pytest.mark.long
def test_several_columns_name_fewer_rows(home):
    assert go(home, who=ANNA, id="1").rows == {"raw.payments": 1}
    assert [row["id"] for row in home.rows("raw.payments") if row["who"] == ANNA] == ["2", "3"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("table", "values", "told"),
    [
        ("marts.by_day", {"who": ANNA}, "'marts.by_day' is no raw table"),
        ("payments", {"whom": ANNA}, "raw.payments has no column 'whom'"),
        ("payments", {"amount": "ten"}, "'amount' of raw.payments is a int64"),
    ],
)
def test_what_cannot_be_erased_is_told(lasting, table, values, told):
    with lasting.session as session, pytest.raises(UnknownNameError, match=told):
        key_of(session, table, values)


@pytest.mark.long
def test_rows_that_the_source_still_has_come_back(home):
    go(home)
    home.run(2)
    assert [row["id"] for row in home.rows("raw.payments") if row["who"] == ANNA] == ["3"]
