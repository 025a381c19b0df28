"""The Python interface: what notebooks and orchestrators do with a project."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
import shop

import lakehouse
import lakehouse.cli
from lakehouse.errors import (
    ConfigError,
    NotYetError,
    ProjectError,
    QueryError,
    UnknownNameError,
    UsageError,
)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def lake(tmp_path_factory, databases):
    """The shop after a run, in a folder that is not the working one."""
    folder = tmp_path_factory.mktemp("shop")
    shop.write(folder, shop.SHOP)
    (folder / "below").mkdir()
    shop.forget()
    with pytest.MonkeyPatch.context() as patch, databases.lend() as database:
        patch.setenv("LAKEHOUSE_POSTGRES_URL", database)
        with lakehouse.open(folder / "below") as opened:
            opened.first = opened.run(shop.DAY, full_refresh=True)
            yield opened
    shop.forget()


@pytest.fixture
def other_folder(tmp_path):
    """Another project whose packages have the same names."""
    shop.write(tmp_path, shop.SHOP)
    return tmp_path


def test_a_run_gives_its_report(lake):
    assert (lake.first.status, lake.first.message) == ("done", f"run {shop.DAY}")
    assert lake.first.published == {"sales": 2, "best": 2}


def test_a_day_may_be_a_date(lake):
    assert lake.run(date(2024, 3, 1)).status == "nothing to do"


def test_a_run_works_in_any_thread(lake):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lake.run, shop.DAY).result().status == "nothing to do"


def test_a_backfill_of_what_is_missing_is_none_if_nothing_is(lake):
    assert lake.backfill(shop.DAY, shop.DAY, missing=True) is None


def test_a_plan_lists_the_selected_tables(lake):
    assert [node.node for node in lake.plan(shop.DAY, select="sales")] == ["marts.sales"]


def test_a_query_gives_an_arrow_table(lake):
    answer = lake.query("SELECT sku, price FROM marts.sales ORDER BY sku")
    assert answer.to_pylist() == [{"sku": "cup", "price": 0}, {"sku": "tea", "price": 3}]


def test_a_query_reads_main_as_it_was(lake):
    with pytest.raises(UnknownNameError, match="no commit"):
        lake.query("SELECT 1 FROM marts.sales", at=datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["lines", "silver.lines", "paid", "raw.orders"])
def test_a_table_goes_on_as_an_expression_of_ibis(lake, name):
    table = lake.table(name)
    assert table.filter(table.sku == "tea").count().to_pyarrow().as_py() == 1


def test_two_tables_can_be_joined(lake):
    lines, sales = lake.table("lines"), lake.table("marts.sales", ref=lake.first.commit)
    assert lines.join(sales, "sku").count().to_pyarrow().as_py() == 2


def test_columns_keep_their_types(lake):
    assert str(lake.table("lines").schema()["at"]) == "timestamp('UTC', 6)"


def test_the_log_has_the_commits(lake):
    assert [commit.id for commit in lake.log()] == [lake.first.commit]


def test_a_diff_lists_the_tables_that_differ(lake):
    assert lake.diff("main", "main") == []
    assert lake.diff_table("main", lake.first.commit, "silver.lines") is None


def test_the_command_line_says_the_same(lake, capsys, monkeypatch):
    monkeypatch.chdir(lake.settings.root)
    assert lakehouse.cli.main(["log", "--format", "json"]) == 0
    assert [entry["commit"] for entry in json.loads(capsys.readouterr().out)] == [lake.first.commit]


@pytest.mark.parametrize(
    ("method", "arguments", "error", "told"),
    [
        ("run", ["yesterday"], UsageError, "'yesterday' is no date"),
        ("run", ["9998-01-01"], NotYetError, "has not begun"),
        ("run", [20240301], UsageError, "20240301 is no date"),
        ("backfill", ["2024-03-02", "2024-03-01"], UsageError, "has no day"),
        ("table", ["silver.line"], UnknownNameError, "did you mean 'silver.lines'"),
        ("query", ["DROP TABLE marts.sales"], QueryError, "not a query"),
        ("diff", ["nowhere", "main"], UnknownNameError, "nowhere"),
    ],
)
def test_a_mistake_is_told(lake, method, arguments, error, told):
    with pytest.raises(error) as raised:
        getattr(lake, method)(*arguments)
    assert told in str(raised.value)


def test_a_folder_without_a_project_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"lakehouse\.toml"):
        lakehouse.open(tmp_path)


def test_a_second_project_does_not_get_the_code_of_the_first(lake, other_folder):
    assert lake.plan(shop.DAY)
    with pytest.raises(ProjectError, match="of another project"):
        lakehouse.open(other_folder).plan(shop.DAY)
