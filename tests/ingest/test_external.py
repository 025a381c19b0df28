"""Tables that others write: copied when they changed, exactly, and not otherwise."""

from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pyarrow as pa
import pytest
from copied import Copied
from pyarrow import parquet
from toy import Source, Toy, at, event

from lakehouse import external
from lakehouse.errors import DeclarationError, LakehouseError, ProjectError, SourceError
from lakehouse.records.run_records import RunStatus

SALES = {"id": "int64", "amount": "decimal(12, 2)"}


@pytest.fixture
def home(tmp_path, database, engine):
    return Copied(tmp_path, database, None, engine)


def file(home, name, **columns):
    place = home.folder / "sales" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), place)


def other(home, **place):
    """Declare another's table, and a mart of it; `place` says where it is."""
    home.change("sales", others=[external("shop.sales", **{"columns": SALES, **place})])


@pytest.mark.long
def test_parquet_files_are_an_input_whose_changes_are_noticed(home):
    file(home, "a.parquet", id=[1], amount=[Decimal("1.50")])
    other(home, path="sales/*.parquet")
    home.run(0)
    assert home.rows("shop.sales") == home.published("sales_mart")
    assert home.published("sales_mart") == [{"id": 1, "amount": Decimal("1.50")}]
    before = home.head()
    assert home.go().status is RunStatus.NOTHING_TO_DO
    file(home, "a.parquet", id=[1], amount=[Decimal("1.50")])  # written again, the same rows
    assert home.go().status is RunStatus.NOTHING_TO_DO
    assert home.head() == before
    file(home, "b.parquet", id=["2", "03"], amount=[2.25, None], note=["not", "read"])
    home.go()
    assert home.rows("shop.sales") == [
        {"id": 1, "amount": Decimal("1.50")},
        {"id": 2, "amount": Decimal("2.25")},
        {"id": 3, "amount": None},
    ]
    (home.folder / "sales/a.parquet").unlink()
    home.go()
    assert [row["id"] for row in home.published("sales_mart")] == [2, 3]


@pytest.mark.long
def test_a_folder_is_read_with_those_below_but_not_what_is_being_written(home):
    file(home, "2024/a.parquet", id=[1], amount=[1])
    file(home, "_temporary/b.parquet", id=[2], amount=[2])
    file(home, ".c.parquet", id=[3], amount=[3])
    other(home, path="sales")
    home.run(0)
    assert [row["id"] for row in home.rows("shop.sales")] == [1]


@pytest.mark.long
def test_what_cannot_be_read_of_files_is_told_and_main_stays(home):
    file(home, "a.parquet", id=[1], amount=[1])
    other(home, path="sales")
    home.run(0)
    before = home.head()
    for columns, told in [
        ({"id": ["x"], "amount": [1]}, "a value is no int64, the type of the column 'id'"),
        ({"id": [1], "amount": [1.125]}, r"no decimal\(12, 2\), the type of the column 'amount'"),
        ({"id": [1]}, "it has no column 'amount'"),
    ]:
        file(home, "a.parquet", **columns)
        with pytest.raises(SourceError, match=f"shop.sales, sales: .*{told}") as caught:
            home.go()
        assert caught.value.hint
    (home.folder / "sales/a.parquet").unlink()
    with pytest.raises(SourceError, match="there are no Parquet files at sales"):
        home.go()
    assert home.head() == before


@pytest.mark.long
def test_an_iceberg_table_is_read_as_it_is_now(home, tmp_path_factory, databases, engine):
    with databases.lend() as address:
        source = Source(event("a", 1, at(0)))
        theirs = Toy(tmp_path_factory.mktemp("theirs"), address, source, engine)
        theirs.run(0)
        (place,) = theirs.folder.glob("**/raw/events")
        columns = {"id": "string", "value": "int64", "at": "timestamp('UTC', 6)"}
        other(home, iceberg=str(place), columns=columns)
        home.run(0)
        assert [(row["id"], row["value"]) for row in home.rows("shop.sales")] == [("a", 1)]
        assert home.go().status is RunStatus.NOTHING_TO_DO
        source.rows = [event("a", 2, at(0))]
        theirs.run(0)
        home.go()
        assert home.published("sales_mart") == [{"id": "a", "value": 2, "at": at(0)}]


def test_no_iceberg_table_is_told(home):
    other(home, iceberg="nowhere")
    with pytest.raises(SourceError, match="there is no Iceberg table at nowhere") as caught:
        home.run(0)
    assert caught.value.message.startswith(caught.value.place + ": ")
    assert "test_external.py" in caught.value.place or "copied.py" in caught.value.place


@pytest.fixture
def theirs(databases, monkeypatch):
    """A connection to the Postgres of others, whose role shows dates in a way of its own."""
    with databases.lend() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA crm")
        connection.execute(
            "CREATE TABLE crm.sales (id bigint, amount numeric, at timestamptz, day date,"
            ' "Tags" text[], is_new boolean, ratio double precision)'
        )
        connection.execute("ALTER ROLE CURRENT_USER SET datestyle = 'German'")
        connection.execute("ALTER ROLE CURRENT_USER SET timezone = 'Asia/Tokyo'")
        monkeypatch.setenv("CRM_URL", address)
        yield connection
        connection.execute("ALTER ROLE CURRENT_USER RESET ALL")
        connection.execute("DROP SCHEMA crm CASCADE")


def theirs_in(home, **columns):
    types = columns or {
        "id": "int64",
        "amount": "decimal(38, 9)",
        "at": "timestamp('UTC', 6)",
        "day": "date",
        "Tags": "array<string>",
        "is_new": "boolean",
        "ratio": "float64",
    }
    home.change("sales", others=[external("crm.sales", columns=types, postgres="${CRM_URL}")])


@pytest.mark.long
def test_a_table_of_postgres_is_copied_value_by_value_if_it_changed(home, theirs):
    theirs.execute(
        "INSERT INTO crm.sales VALUES (1, 12345678901234567890.123456789, '2024-03-01 12:00Z',"
        " '2024-02-03', '{\"a,b\",c}', true, 0.1), (2, null, null, null, null, null, null)"
    )
    theirs_in(home)
    home.run(0)
    first, second = home.rows("crm.sales")
    assert first == {
        "id": 1,
        "amount": Decimal("12345678901234567890.123456789"),
        "at": datetime(2024, 3, 1, 12, tzinfo=UTC),
        "day": datetime(2024, 2, 3).date(),  # noqa: DTZ001 - a day
        "Tags": ["a,b", "c"],
        "is_new": True,
        "ratio": 0.1,
    }
    assert set(second.values()) == {2, None}
    before = home.head()
    assert home.run(0).status is RunStatus.NOTHING_TO_DO
    theirs.execute("UPDATE crm.sales SET ratio = 0.2 WHERE id = 2")
    home.run(0)
    assert home.head() != before
    assert home.published("sales_mart")[1]["ratio"] == 0.2


UNREADABLE = {
    "a column that is not there": ({"nam": "string"}, None, "crm.sales at .* has no column 'nam'"),
    "a value of another type": (
        {"amount": "int64"},
        None,
        "crm.sales in the Postgres at .*CRM_URL.*: a value is no int64, .*'amount'",
    ),
    "a server that is not there": (
        {"id": "int64"},
        "postgresql://user:secret@127.0.0.1:1/crm",
        "crm.sales at 127.0.0.1:1/crm cannot be read: Connection refused",
    ),
    "an address that is none": (
        {"id": "int64"},
        "mysql://user:secret@127.0.0.1/crm",
        "test_external.py:[0-9]+: `postgres` is no address of Postgres",
    ),
    "no address": ({"id": "int64"}, "", "test_external.py:[0-9]+ needs the .* variable CRM_URL"),
}


@pytest.mark.parametrize("title", UNREADABLE)
def test_a_postgres_that_cannot_be_read_is_told_without_its_password(
    home, theirs, monkeypatch, title
):
    columns, address, told = UNREADABLE[title]
    theirs.execute("INSERT INTO crm.sales VALUES (1, 1.5)")
    theirs_in(home, **columns)
    if address is not None:
        monkeypatch.setenv("CRM_URL", address)
    with pytest.raises(LakehouseError, match=told) as caught:
        home.run(0)
    assert caught.value.hint
    assert "secret" not in str(caught.value)
    assert home.head() is None


WRONG = {
    "no place": ({"table": "sales"}, "give `path`, `iceberg` or `postgres`"),
    "two places": ({"path": "a", "iceberg": "b"}, "give `path`, `iceberg` or `postgres`"),
    "no columns": ({"path": "a", "columns": {}}, "`columns` gives each column a type"),
    "no type": ({"path": "a", "columns": {"id": "integr"}}, "the type of the column 'id' is"),
    "a path that is no text": ({"path": 1}, "`path` is text or None, got 1"),
    "a schema of ours": ({"path": "a", "table": "raw.sales"}, "the schema 'raw' holds tables of"),
    "no name": ({"path": "a", "table": "shop.Sales"}, "the name of the table is a name in snake"),
}


@pytest.mark.parametrize("title", WRONG)
def test_a_wrong_declaration_is_told_with_its_line(title):
    arguments, told = WRONG[title]
    arguments = {"table": "shop.sales", "columns": SALES, **arguments}
    with pytest.raises(DeclarationError, match=rf"test_external.py:[0-9]+: .*{told}") as caught:
        external(**arguments)
    assert caught.value.hint


def test_a_table_of_others_may_have_the_name_of_a_seed_and_is_read_by_its_schema(home):
    home.seed("sales.csv", "id\n1\n")
    with pytest.raises(ProjectError, match="reads 'sales', which several schemas have"):
        other(home, path="sales")


def test_a_table_without_a_schema_is_in_one_of_its_own():
    assert external("sales", columns=SALES, path="sales").table == "external.sales"
