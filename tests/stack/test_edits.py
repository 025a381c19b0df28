"""Erasing, refilling, seeds and tables of others, on a bucket, with models that Trino builds."""

import pyarrow as pa
import pytest
from copied import Copied
from payments import NotedPayments, Paid, of_two
from pyarrow import parquet

from lakehouse import external
from lakehouse.erase.erasing import erase, key_of
from lakehouse.records.run_records import RunStatus

TABLES = ("raw.payments", "quarantine.payments", "silver.running", "marts.by_day", "marts.total")


@pytest.fixture
def trino(lake):
    return lake | {"LAKEHOUSE_ENGINE": "trino"}


@pytest.fixture
def paid(tmp_path, trino, engine):
    home = Paid(tmp_path, trino["LAKEHOUSE_POSTGRES_URL"], of_two(), engine, trino)
    home.run(0, 1)
    return home


def whole(home):
    return {table: home.rows(table) for table in TABLES}


def test_an_erased_person_is_nowhere(paid):
    with paid.session as session:
        erased = erase(session, key_of(session, "payments", {"who": "anna"}))
    assert erased.rows == {"raw.payments": 2, "quarantine.payments": 1}
    assert erased.kept == ()
    after = whole(paid)
    assert "anna" not in repr(after)
    assert [row["who"] for row in paid.published("by_person")] == ["ben"]
    paid.source[:] = [row for row in paid.source if row["who"] == "ben"]
    assert paid.run(0, 1).status is RunStatus.NOTHING_TO_DO


def test_erasing_twice_changes_nothing_more(paid):
    for rows in ({"raw.payments": 2, "quarantine.payments": 1}, {}):
        with paid.session as session:
            assert erase(session, key_of(session, "payments", {"who": "anna"})).rows == rows


def test_a_column_is_filled_from_the_payload(paid):
    paid.change(schema=NotedPayments)
    paid.refill("note")
    assert {(row["who"], row["note"]) for row in paid.rows("raw.payments")} == {
        ("anna", "anna"),
        ("ben", "ben"),
    }


def test_a_seed_is_copied_when_it_changes(tmp_path, trino, engine):
    home = Copied(tmp_path, trino["LAKEHOUSE_POSTGRES_URL"], None, engine, trino)
    home.seed("codes.csv", "code,name\n1,one\n")
    home.change("codes")
    home.run(0)
    assert home.go().status is RunStatus.NOTHING_TO_DO
    home.seed("codes.csv", "code,name\n1,one\n2,two\n")
    home.go()
    assert home.published("codes_mart") == [{"code": 1, "name": "one"}, {"code": 2, "name": "two"}]


def test_parquet_files_of_others_in_the_bucket_are_copied_when_they_change(tmp_path, trino, engine):
    home = Copied(tmp_path, trino["LAKEHOUSE_POSTGRES_URL"], None, engine, trino)
    address = trino["LAKEHOUSE_WAREHOUSE"].rpartition("/")[0] + "/others/sales"
    columns = {"id": "int64"}
    home.change(
        "sales", others=[external("shop.sales", columns=columns, path=f"{address}/*.parquet")]
    )
    with home.session as session:
        bucket = session.settings.servers.bucket
        for number in (1, 2):
            place = bucket.path(address) / f"{number}.parquet"
            with place.open("wb") as file:
                parquet.write_table(pa.table({"id": [number]}), file)
            home.go()
            assert [row["id"] for row in home.published("sales_mart")] == [*range(1, number + 1)]
            assert home.go().status is RunStatus.NOTHING_TO_DO
