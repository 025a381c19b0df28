"""Sources of dlt: a REST API, databases and folders, as they are given back by an ingestion."""

import csv
import json
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit

import dlt
import ibis.expr.datatypes as dt
import orjson
import pandera.ibis
import psycopg
import pyarrow as pa
import pytest
import sqlalchemy
from dlt.sources.filesystem import filesystem, read_csv, read_csv_duckdb, read_jsonl, read_parquet
from dlt.sources.rest_api import rest_api_resources, rest_api_source
from dlt.sources.sql_database import sql_database, sql_table
from given import Given
from loopback import Scripted
from pyarrow import parquet
from toy import Events, at

from lakehouse.errors import LakehouseError, ProjectError
from lakehouse.ingest.stage import stage

# dlt warns of an argument that it gives itself.
pytestmark = pytest.mark.filterwarnings("ignore:`detect_precision_hints`:DeprecationWarning")
PAGE = 3


class Orders(Events):
    """Events with nested lines."""

    value: dt.Decimal(12, 2)
    lines: dt.Array(dt.Struct({"sku": dt.string, "price": dt.float64})) = pandera.ibis.Field(
        nullable=True
    )
    payload: str


@pytest.fixture(autouse=True)
def _quick_failures(monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")


@pytest.fixture
def home(tmp_path, database, engine):
    return Given(tmp_path, database, None, engine)


class Api:
    """A paged API of orders, of which each is asked for its lines by itself."""

    def __init__(self):
        self.orders = [
            {"id": str(n), "value": 1 + n / 4, "at": at(n % 3).isoformat(), "unitPrice": n}
            for n in range(8)
        ]
        self.paths = []
        self.token = "s3cret-token"

    def __call__(self, handler):
        path = urlsplit(handler.path).path
        asked = handler.script.asked[-1]
        self.paths.append(path)
        if handler.headers["Authorization"] != f"Bearer {self.token}":
            handler.send(401, b"{}")
            return
        if path.startswith("/orders/"):
            key = path.split("/")[2]
            body = [{"id": f"{key}-{n}", "order": key, "value": n} for n in range(2)]
        else:
            since, until = asked.get("since", ""), asked.get("until", "~")
            number = int(asked.get("page", 1))
            found = [row for row in self.orders if since <= row["at"] < until]
            found = [
                {**row, "lines": [{"sku": "tea", "price": 2}, {"sku": "cup", "price": 1.5}]}
                for row in found
            ]
            last = -(-len(found) // PAGE)
            body = {"data": found[(number - 1) * PAGE : number * PAGE], "pages": last}
        handler.send(200, orjson.dumps(body), Content_Type="application/json")


@pytest.fixture
def api():
    api = Api()
    with Scripted(api) as server:
        api.url = server.url
        yield api


def config(api, **parameters):
    return {
        "client": {
            "base_url": api.url,
            "auth": {"type": "bearer", "token": api.token},
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "pages"},
        },
        "resources": [
            {
                "name": "events",
                "endpoint": {"path": "orders", "params": parameters, "data_selector": "data"},
            },
            {
                "name": "lines",
                "endpoint": {
                    "path": "orders/{order}/lines",
                    "paginator": "single_page",
                    "params": {"order": {"type": "resolve", "resource": "events", "field": "id"}},
                },
            },
        ],
    }


@pytest.mark.long
def test_a_rest_api_is_read_page_by_page_with_nested_fields_and_the_payload(home, api):
    home.change(give=lambda: rest_api_source(config(api)), schema=Orders, time_column=None)
    home.run(0)
    rows = home.raw()
    assert rows.keys() == {order["id"] for order in api.orders}
    assert rows["1"]["value"] == Decimal("1.25")
    assert rows["1"]["lines"] == [{"sku": "tea", "price": 2.0}, {"sku": "cup", "price": 1.5}]
    assert json.loads(rows["1"]["payload"])["unitPrice"] == 1
    assert api.paths == ["/orders"] * 3


@pytest.mark.long
def test_a_window_of_a_rest_api_is_asked_for(home, api):
    def give(window):
        since, until = window.start.isoformat(), window.end.isoformat()
        return rest_api_resources(config(api, since=since, until=until))

    home.change(give=give, schema=Orders)
    home.run(1)
    assert home.raw().keys() == {"1", "4", "7"}
    home.run(0, 2)
    assert len(home.raw()) == 8


class Lines(pandera.ibis.DataFrameModel):
    id: str
    order: str


@pytest.mark.long
def test_a_resource_is_read_with_the_one_that_it_depends_on(home, api):
    home.change(
        give=lambda: rest_api_source(config(api)).resources["lines"],
        schema=Lines,
        time_column=None,
    )
    home.run(0)
    assert len(home.raw()) == 16


@pytest.mark.long
def test_a_secret_of_a_rest_api_is_in_no_error(home, api):
    source, api.token = config(api), "another"
    home.change(give=lambda: rest_api_source(source), schema=Orders, time_column=None)
    with pytest.raises(LakehouseError, match=r"raw\.events could not be fetched.*401") as error:
        home.run(0)
    assert "s3cret" not in str(error.value)
    assert "\n" not in error.value.message
    assert error.value.exit_code == 2


@pytest.mark.long
def test_secrets_and_settings_of_a_user_are_for_sources_and_not_for_staged_files(
    home, api, tmp_path
):
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        f'[sources.shop]\ntoken = "{api.token}"\n[destination.filesystem]\nbucket_url = "/elsewhere"'
    )
    (tmp_path / ".dlt" / "config.toml").write_text(
        f'[sources.shop]\nurl = "{api.url}"\n[schema]\nnaming = "snake_case"\n'
        '[destination.filesystem]\nlayout = "{load_id}.{file_id}.{ext}"\n'
    )
    home.staging = stage
    with dlt_of(tmp_path):

        @dlt.source(name="shop", section="shop")
        def shop(url: str = dlt.config.value, token: str = dlt.secrets.value):
            api_of_it = type("", (), {"url": url, "token": token})
            yield from rest_api_resources(config(api_of_it))

        home.change(give=shop, schema=Orders, time_column=None)
        home.run(0)
    assert len(home.raw()) == 8


class dlt_of:  # noqa: N801 - used as a function
    """Lets dlt read the settings of another folder, as it does where a process starts."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __enter__(self):
        from dlt.common.configuration.container import Container
        from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

        self.context = Container()[PluggableRunContext]
        self.before = self.context.context.run_dir
        self.context.reload(self.folder)

    def __exit__(self, *_):
        self.context.reload(self.before)


def test_a_missing_secret_is_told_with_the_place_of_the_function(home):
    @dlt.resource(name="events")
    def resource(token: str = dlt.secrets.value):
        yield {"token": token}

    home.change(give=resource, time_column=None)
    with pytest.raises(ProjectError, match=r"given\.py.* in events") as error:
        home.run(0)
    assert "token" in error.value.message
    assert "TOKEN" in error.value.hint
    assert "secrets.toml" in error.value.hint
    assert "\n" not in error.value.message


ROW = {"id": "a", "value": 1, "at": at(0)}
DAYS = [{**ROW, "id": str(n), "value": n, "at": at(n)} for n in range(4)]


def sqlite_of(folder, _):
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("CREATE TABLE events (id TEXT, value INTEGER, at TIMESTAMP)")
        connection.execute("CREATE TABLE others (id TEXT)")
        rows = [(row["id"], row["value"], str(row["at"].replace(tzinfo=None))) for row in DAYS]
        connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{folder / 'shop.db'}"


def postgres_of(_, address):
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE events (id text, value bigint, at timestamptz)")
        connection.execute("CREATE TABLE others (id text)")
        for row in DAYS:
            connection.execute("INSERT INTO events VALUES (%s, %s, %s)", [*row.values()])
    return address.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(params=[sqlite_of, postgres_of], ids=["sqlite", "postgres"])
def shop_database(request, tmp_path, databases):
    with databases.lend() as address:
        engine = sqlalchemy.create_engine(request.param(tmp_path, address))
        yield engine
        engine.dispose()


@pytest.mark.parametrize("backend", ["sqlalchemy", "pyarrow", "pandas"])
@pytest.mark.long
def test_a_database_is_read_whole(home, shop_database, backend):
    home.change(give=lambda: sql_database(shop_database, backend=backend), time_column=None)
    home.run(0)
    assert list(home.raw().values()) == DAYS


@pytest.mark.long
def test_a_window_of_a_database_is_asked_for(home, shop_database):
    is_naive = shop_database.dialect.name == "sqlite"

    def give(window):
        bounds = [
            each.replace(tzinfo=None) if is_naive else each for each in (window.start, window.end)
        ]
        new = dlt.sources.incremental("at", initial_value=bounds[0], end_value=bounds[1])
        return sql_table(shop_database, "events", incremental=new)

    home.change(give=give)
    home.run(1)
    assert list(home.raw().values()) == [DAYS[1]]
    home.run(0, 3)
    assert list(home.raw().values()) == DAYS


def folder_of(folder, form):
    """A new folder of two files with the same rows, half and half."""
    folder.mkdir()
    for place, rows in enumerate((DAYS[:2], DAYS[2:])):
        path = folder / f"{place}.{form}"
        texts = [{**row, "at": row["at"].isoformat()} for row in rows]
        if form == "csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, [*ROW])
                writer.writeheader()
                writer.writerows(texts)
        elif form == "jsonl":
            path.write_text("".join(f"{json.dumps(row)}\n" for row in texts))
        else:
            parquet.write_table(pa.Table.from_pylist(rows), path)


READERS = {"csv": read_csv, "jsonl": read_jsonl, "parquet": read_parquet}


def rows_of(folder, form):
    """The rows of a folder's files, as dlt reads them."""
    return filesystem(bucket_url=folder.as_uri(), file_glob=f"*.{form}") | READERS[form]()


@pytest.mark.parametrize("form", READERS)
@pytest.mark.sample(1)
def test_a_folder_of_files_is_read_whole(home, tmp_path, form):
    folder_of(tmp_path / "files", form)
    home.change(give=lambda: rows_of(tmp_path / "files", form), time_column=None)
    home.run(0)
    assert list(home.raw().values()) == DAYS


@pytest.mark.parametrize("form", READERS)
@pytest.mark.sample(1)
def test_a_window_of_a_folder_of_files_is_filtered(home, tmp_path, form):
    folder_of(tmp_path / "files", form)

    def give(window):
        def is_inside(row):
            moment = row["at"]
            moment = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
            return window.start <= moment < window.end

        return rows_of(tmp_path / "files", form).add_filter(is_inside)

    home.change(give=give)
    home.run(1, 2)
    assert list(home.raw().values()) == DAYS[1:3]


@pytest.mark.parametrize(
    "reader", [read_csv, lambda: read_csv_duckdb(all_varchar=True)], ids=["pandas", "duckdb"]
)
@pytest.mark.long
def test_a_missing_value_of_a_csv_is_missing(home, tmp_path, reader):
    (tmp_path / "one.csv").write_text("id,note,value,at\na,,1,2024-03-01T12:00:00Z\n")

    class Noted(Events):
        note: str = pandera.ibis.Field(nullable=True)

    files = filesystem(bucket_url=tmp_path.as_uri(), file_glob="*.csv")
    home.change(give=lambda: files | reader(), schema=Noted, time_column=None)
    home.run(0)
    assert list(home.raw().values()) == [{**ROW, "note": None}]


def resource_of(rows, name="events", **options):
    return dlt.resource(rows, name=name, **options)


@dlt.source
def two_tables():
    return [resource_of(DAYS), resource_of([{"id": "x"}], "others")]


GIVEN = {
    "source": two_tables,
    "source with a selection": lambda: two_tables().with_resources("events"),
    "resource": lambda: two_tables().resources["events"],
    "list of resources": lambda: [*two_tables().resources.values()],
    "list of sources": lambda: [two_tables(), two_tables()],
    "one resource of another name": lambda: resource_of(DAYS, "orders"),
    "generator of resources": lambda: (resource_of([row], row["id"]) for row in DAYS),
    "with a filter": lambda: resource_of([*DAYS, {"id": "no"}]).add_filter(lambda row: "at" in row),
    "with a map": lambda: resource_of([{**DAYS[0], "id": "no"}, *DAYS[1:]]).add_map(
        lambda row: {**row, "id": "0"} if row["id"] == "no" else row
    ),
    "of frames": lambda: resource_of([pa.Table.from_pylist(DAYS).to_pandas()]),
    "of tables": lambda: resource_of([pa.Table.from_pylist(DAYS)]),
    "transformer": lambda: (
        resource_of([[0, 1], [2, 3]], "pages", selected=False)
        | dlt.transformer(lambda page: [DAYS[number] for number in page], name="events")
    ),
    "parallel": lambda: resource_of(one_by_one, parallelized=True),
    "deferred": lambda: resource_of(lambda: map(deferred, DAYS)),
    "camel case": lambda: resource_of([{**row, "unitPrice": 1} for row in DAYS]),
}


def one_by_one():
    yield from DAYS


@dlt.defer
def deferred(row):
    return row


@pytest.mark.parametrize("form", GIVEN)
@pytest.mark.sample(1, long=12)
def test_resources_are_read_however_they_are_given(home, form):
    home.change(give=GIVEN[form], time_column=None)
    home.run(0)
    assert list(home.raw().values()) == DAYS


@pytest.mark.long
def test_names_are_those_of_the_source(home):
    class Camel(Events):
        unitPrice: int  # noqa: N815
        größe: int  # noqa: PLC2401

    rows = [{**ROW, "unitPrice": 1, "größe": 2}]
    home.change(give=lambda: resource_of(rows), schema=Camel, time_column=None)
    home.run(0)
    assert (home.raw()["a"]["unitPrice"], home.raw()["a"]["größe"]) == (1, 2)


@pytest.mark.long
def test_several_resources_of_which_none_is_meant_are_told(home):
    home.change(give=lambda: two_tables().with_resources("others", "events"), time_column=None)
    home.run(0)

    @dlt.source
    def others():
        return [resource_of([ROW], "one"), resource_of([ROW], "two")]

    home.change(give=others, time_column=None)
    with pytest.raises(
        ProjectError, match="resources one, two, and none is named 'events'"
    ) as told:
        home.run(0)
    assert "in events" in told.value.message
    assert told.value.hint


@pytest.mark.long
def test_windows_are_read_side_by_side(home):
    def give(window):
        def of_window():
            yield from (row for row in DAYS if window.start <= row["at"] < window.end)

        return resource_of(of_window, parallelized=True)

    home.change(give=give)
    home.run(-100, 100, workers=2)
    assert list(home.raw().values()) == DAYS


@pytest.mark.long
def test_an_empty_resource_is_fine(home):
    home.change(give=lambda: resource_of([]), time_column=None)
    home.run(0)
    assert home.rows("raw.events") == []


def test_an_error_of_a_resource_is_told_as_it_was_raised(home):
    def broken():
        yield ROW
        raise ZeroDivisionError("of the source")

    home.change(give=lambda: resource_of(broken), time_column=None)
    with pytest.raises(ProjectError, match="ZeroDivisionError: of the source") as error:
        home.run(0)
    assert "test_dlt_rows.py" in error.value.message
    assert " in broken" in error.value.message


@pytest.mark.long
def test_an_incremental_of_dlt_begins_anew_in_each_run(home, tmp_path):
    def give():
        new = dlt.sources.incremental("value", initial_value=2)

        @dlt.resource(name="events")
        def events(value=new):
            yield [row for row in DAYS if row["value"] >= value.last_value]

        return events()

    home.change(give=give, time_column=None)
    home.run(0)
    assert home.raw().keys() == {"2", "3"}
    before = home.raw()
    report = home.run(0)
    assert home.raw() == before
    assert report.error is None


@pytest.mark.long
def test_the_state_of_a_pipeline_of_the_users_hides_no_rows(home, tmp_path):
    new = dlt.sources.incremental("value", initial_value=0)

    @dlt.resource(name="events")
    def events(value=new):
        yield DAYS

    pipeline = dlt.pipeline(
        "of_a_user", pipelines_dir=str(tmp_path / "dlt"), destination="duckdb", dataset_name="d"
    )
    try:
        pipeline.extract(events())
        home.change(give=events, time_column=None)
        home.run(0)
    finally:
        pipeline.deactivate()
    assert list(home.raw().values()) == DAYS


@pytest.mark.long
def test_moments_are_of_the_right_zone(home):
    rows = [{**ROW, "at": datetime(2024, 3, 1, 12, tzinfo=UTC)}]
    home.change(give=lambda: resource_of(rows), time_column=None)
    home.run(0)
    assert home.raw()["a"]["at"] == at(0)
