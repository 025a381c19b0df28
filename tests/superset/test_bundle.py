"""Bundles for Superset: what is in them, and what dashboards are refused."""

import json
import zipfile
from dataclasses import replace
from types import ModuleType

import ibis.expr.datatypes as dt
import pandera.ibis
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url
from toy import into

from lakehouse import Table, config, ingestion, model
from lakehouse.compile.compiler import compile_project
from lakehouse.declare.project import collect
from lakehouse.errors import ProjectError, UsageError
from lakehouse.superset import Bars, BigNumber, Dashboard, HeatMap, Limit, Lines, Metric, Rows
from lakehouse.superset.bundle import documents
from lakehouse.superset.project_dashboards import published_tables
from lakehouse.superset.reading_address import reading_address
from lakehouse.superset.writing import write

SHARE = Metric("Share (%)", "100.0 * SUM(good) / NULLIF(SUM(total), 0)", ".1f", "#00aa00")
WORST = Metric("Worst", "MIN(good)")
CHARTS = [
    BigNumber("Now", "days", SHARE, "% of all", where="day > '2024-01-01'"),
    Lines("Over time", "days", "day", [SHARE, WORST], [Limit("aim", 70)]),
    Bars("By week", "days", "day", [SHARE], "week", stacked=True, top=100),
    HeatMap("Heat", "days", "shop", "EXTRACT(dow FROM day)", SHARE),
    Rows("All", "days", {"day": "", "good": ",d"}, 20),
]
BOARD = Dashboard("Good days", [CHARTS[:2], CHARTS[2:4], CHARTS[4:]], {"shop": "Shop"})


@pytest.fixture(scope="module")
def compiled():
    """A project with one mart, and a model that is not published."""
    module = ModuleType("superset_shop.marts")
    hints = {"shop": str, "day": dt.Date, "good": int, "total": int}

    @ingestion(
        table_name="counts",
        unique_key=("shop", "day"),
        validation_schema=type(
            "Counts", (pandera.ibis.DataFrameModel,), {"__annotations__": hints}
        ),
    )
    @into(module)
    def counts(window):
        yield from ()

    @model(kind=Table(), columns={"good": "days that were <b>good</b>"})
    @into(module)
    def days(counts):
        """What each day was like."""
        return counts.select(*hints)

    @model(kind=Table(), publish=False)
    @into(module)
    def hidden(counts):
        return counts.select("shop")

    return compile_project(collect([module]), "duckdb")


@pytest.fixture(scope="module")
def made(compiled):
    """The documents of the bundle of the dashboard."""
    return documents("shop", "postgresql://a/b", published_tables(compiled, [BOARD]), [BOARD])


def of(made, folder):
    return {path: document for path, document in made.items() if path.startswith(f"{folder}/")}


def test_each_published_table_is_there_with_its_columns_and_what_they_mean(made):
    (table,) = of(made, "datasets").values()
    assert (table["schema"], table["table_name"]) == ("marts", "days")
    assert table["description"] == "What each day was like."
    assert [(each["column_name"], each["type"]) for each in table["columns"]] == [
        ("shop", "TEXT"),
        ("day", "DATE"),
        ("good", "BIGINT"),
        ("total", "BIGINT"),
    ]
    assert [each["description"] for each in table["columns"]] == [
        None,
        None,
        "days that were <b>good</b>",
        None,
    ]
    assert [each["column_name"] for each in table["columns"] if each["is_dttm"]] == ["day"]


def test_figures_are_metrics_of_the_table_once_each(made):
    (table,) = of(made, "datasets").values()
    assert [(each["metric_name"], each["expression"]) for each in table["metrics"]] == [
        (SHARE.name, SHARE.sql),
        (WORST.name, WORST.sql),
    ]


def test_each_chart_has_a_query_over_what_the_table_has(made):
    (table,) = of(made, "datasets").values()
    metrics = {each["metric_name"] for each in table["metrics"]}
    for chart in of(made, "charts").values():
        context = json.loads(chart["query_context"])
        assert context["form_data"] == chart["params"]
        assert {*context["queries"][0]["metrics"]} <= metrics
        assert context["queries"][0]["metrics"] or context["queries"][0]["columns"]


def test_the_condition_of_a_chart_is_in_its_page_and_in_its_query(made):
    chart = made["charts/good_days_now.yaml"]
    (condition,) = chart["params"]["adhoc_filters"]
    assert condition["sqlExpression"] == CHARTS[0].where
    assert (
        json.loads(chart["query_context"])["queries"][0]["extras"]["where"]
        == f"({CHARTS[0].where})"
    )


def test_the_dashboard_places_each_chart_once_within_twelve_columns(made):
    (board,) = of(made, "dashboards").values()
    nodes = [node for node in board["position"].values() if isinstance(node, dict)]
    rows = [node for node in nodes if node["type"] == "ROW"]
    placed = [[board["position"][child]["meta"] for child in row["children"]] for row in rows]
    assert [[meta["width"] for meta in row] for row in placed] == [[6, 6], [6, 6], [12]]
    uuids = [meta["uuid"] for row in placed for meta in row]
    assert uuids == [chart["uuid"] for chart in of(made, "charts").values()]


def test_every_document_refers_to_others_that_are_there(made):
    uuids = [document["uuid"] for document in made.values() if "uuid" in document]
    assert len(uuids) == len({*uuids})
    (database,), (table,) = of(made, "databases").values(), of(made, "datasets").values()
    assert table["database_uuid"] == database["uuid"]
    assert {chart["dataset_uuid"] for chart in of(made, "charts").values()} == {table["uuid"]}
    (board,) = of(made, "dashboards").values()
    (person,) = board["metadata"]["native_filter_configuration"]
    assert person["targets"] == [{"column": {"name": "shop"}, "datasetUuid": table["uuid"]}]


def test_a_bundle_is_the_same_whenever_it_is_written(made, tmp_path):
    for name in ("a.zip", "b.zip"):
        write(made, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as bundle:
        assert {name.partition("/")[0] for name in bundle.namelist()} == {"lakehouse_superset"}


def test_what_an_earlier_bundle_left_in_a_folder_disappears(compiled, made, tmp_path):
    write(made, tmp_path)
    smaller = replace(BOARD, rows=BOARD.rows[:1])
    tables = published_tables(compiled, [smaller])
    write(documents("shop", "postgresql://a/b", tables, [smaller]), tmp_path)
    charts = sorted(path.name for path in (tmp_path / "charts").iterdir())
    assert charts == ["good_days_now.yaml", "good_days_over_time.yaml"]


def test_a_folder_of_other_things_is_left_alone(made, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds something else"):
        write(made, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@example(text="\x85")
@given(text=st.text(max_size=20))
def test_any_text_arrives_as_it_is(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("bundle")
    write({"metadata.yaml": {"text": text, f"{text}!": [text]}}, folder)
    read = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
    assert read == {"text": text, f"{text}!": [text]}


def number(**changes):
    return replace(CHARTS[0], **changes)


@pytest.mark.parametrize(
    ("chart", "told"),
    [
        (number(table="dayz"), "shows 'dayz', which is no published table"),
        (number(table="hidden"), "shows 'hidden', which is no published table"),
        (number(metric=Metric("Share", "SUM(goood)")), "names 'goood', which marts.days lacks"),
        (number(metric=Metric("Share", "SUM(good")), r"has SQL that cannot be read, 'SUM\(good'"),
        (number(metric=Metric(SHARE.name, "SUM(good)")), "another figure than elsewhere"),
        (number(where="dya > '2024-01-01'"), "names 'dya'"),
        (replace(CHARTS[1], x="dya"), "names 'dya'"),
        (replace(CHARTS[2], x="dya"), "names 'dya'"),
        (replace(CHARTS[3], y="EXTRACT(dow FROM dya)"), "names 'dya'"),
        (replace(CHARTS[4], columns={"dya": ""}), "names 'dya'"),
        (number(width=13), "does not fit its width"),
        (number(width=0), "does not fit its width"),
        (number(title="…"), "has no letter or digit"),
        (number(title="FIRST!"), "the chart 'FIRST!' is there twice"),
    ],
)
def test_a_chart_of_what_is_not_published_is_refused(compiled, chart, told):
    first = replace(CHARTS[1], title="First")
    board = Dashboard("Good days", [[first], [chart]])
    with pytest.raises(ProjectError, match=told) as error:
        published_tables(compiled, [board])
    assert error.value.hint


def test_a_filter_by_a_column_that_no_chart_has_is_refused(compiled):
    with pytest.raises(ProjectError, match="filters by 'shops'") as error:
        published_tables(compiled, [replace(BOARD, filters={"shops": "Shop"})])
    assert "'shop'" in error.value.hint


def test_two_dashboards_of_one_title_are_refused(compiled):
    with pytest.raises(ProjectError, match="the dashboard 'good days' is there twice"):
        published_tables(compiled, [BOARD, replace(BOARD, title="good days")])


SECRET = "planted-f00d"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (None, ("127.0.0.1", 5433, "postgres", {})),
        (f"postgresql://me:{SECRET}@db:5432/shop", ("db", 5432, "shop", {})),
        (
            f"postgresql://me:{SECRET}@db/shop?sslmode=require",
            ("db", None, "shop", {"sslmode": "require"}),
        ),
        (f"postgresql://me:{SECRET}@[::1]:5/shop", ("::1", 5, "shop", {})),
        (f"host=db port=6 user=me password={SECRET} dbname=shop", ("db", 6, "shop", {})),
        (f"postgresql://db/shop?password={SECRET}&sslpassword={SECRET}", ("db", None, "shop", {})),
        (f"host=/run/pg password={SECRET} dbname=shop", (None, None, "shop", {"host": "/run/pg"})),
        (
            f"postgresql://me:{SECRET}@a:1,b:2/shop",
            (None, None, "shop", {"host": "a,b", "port": "1,2"}),
        ),
        (f"host=db dbname='{SECRET} x'", ("db", None, "postgres", {})),
        (f"postgresql://me:{SECRET}@db", ("db", None, "postgres", {})),
    ],
)
def test_the_address_names_the_server_and_the_role_that_reads(tmp_path, address, place):
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    environment = {"LAKEHOUSE_POSTGRES_URL": address} if address else {}
    found = reading_address(config.load(tmp_path, environment))
    url = make_url(found.uri)
    assert (url.host, url.port, url.database, dict(url.query)) == place
    assert (url.username, url.password) == ("lakehouse_reader", None)
    assert found.database == place[2]
    assert SECRET not in found.uri
