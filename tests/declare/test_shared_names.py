"""The same table name in several schemas: each table is its own, by whatever it is named."""

import subprocess
import sys

import pytest
import shop
from processes import environment

import lakehouse
from lakehouse.errors import ProjectError, UnknownNameError

SILVER = '''
from lakehouse import Incremental, View, model


@model(kind=Incremental(time_column="at"))
def orders(raw__orders):
    """Each order, without its note."""
    return raw__orders.drop("note")


@model(kind=View(time_column="at"))
def lines(silver__orders):
    """Each order that has a price."""
    return silver__orders.filter(silver__orders.price > 0)
'''
MARTS = """
from lakehouse import model


@model()
def sales(lines):
    return lines.select("id", "price")
"""
GOLD = """
from lakehouse import model


@model(publish=True)
def sales(marts__orders):
    return marts__orders.select("sku")
"""
CHECKS = '''
from lakehouse import ReferenceCheck, UniqueCheck, quality


@quality(
    table="silver.orders",
    checks=[UniqueCheck(columns="id"), ReferenceCheck(columns="id", to="raw.orders")],
)
def orders_are_whole(silver__orders, raw__orders):
    """Each order of the source is there."""
    return raw__orders.anti_join(silver__orders, "id")
'''
SQL = """
SELECT o.id, o.sku, r.note
FROM silver.orders o JOIN raw.orders r ON r.id = o.id
"""
FILES = {
    **{file: text for file, text in shop.SHOP.items() if file != shop.MARTS},
    shop.SILVER: SILVER,
    "tables/marts/sold.py": MARTS,
    "tables/marts/orders.sql": SQL,
    "tables/gold.py": GOLD,
    shop.CHECKS: CHECKS,
}
"""The shop with three tables `orders` and two tables `sales`."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory, databases):
    """A home in which each name was one table's, before other schemas got tables of these names."""
    folder = tmp_path_factory.mktemp("shared")
    shop.write(folder, shop.SHOP)
    shop.forget()
    with pytest.MonkeyPatch.context() as patch, databases.lend() as database:
        patch.setenv("LAKEHOUSE_POSTGRES_URL", database)
        earlier = [sys.executable, "-m", "lakehouse", "run", "--date", shop.DAY]
        subprocess.run(earlier, cwd=folder, env=environment(), check=True)
        (folder / shop.MARTS).unlink()
        shop.write(folder, FILES)
        with lakehouse.open(folder) as opened:
            opened.first = opened.run(shop.DAY)
            yield opened
    shop.forget()


@pytest.mark.long
def test_each_is_built_and_published_under_its_own_name(lake):
    assert lake.first.status == "done"
    assert lake.first.published == {"orders": 2, "sales": 1, "gold.sales": 2}
    assert {*lake.query("SELECT * FROM marts.orders").column_names} == {"id", "sku", "note"}
    assert lake.query("SELECT * FROM silver.orders").num_rows == 2
    assert lake.query("SELECT sku FROM gold.sales").num_rows == 2


@pytest.mark.long
def test_a_name_that_is_shared_selects_all_of_them(lake):
    tables = {preview.node for preview in lake.plan(shop.DAY, select="orders")}
    assert tables >= {"raw.orders", "silver.orders", "marts.orders"}
    assert not tables & {"marts.sales", "gold.sales"}


@pytest.mark.long
@pytest.mark.parametrize("name", ["silver.orders", "silver__orders"])
def test_one_of_them_is_found_by_either_name(lake, name):
    assert lake.table(name).columns[:4] == ("id", "sku", "price", "at")
    planned = [preview.node for preview in lake.plan(shop.DAY, select=name)]
    assert [node for node in planned if "orders" in node] == ["silver.orders"]


@pytest.mark.long
def test_the_shared_name_alone_is_none_of_them(lake):
    with pytest.raises(UnknownNameError, match="orders"):
        lake.table("orders")


@pytest.mark.long
def test_running_again_finds_nothing_to_do(lake):
    assert lake.run(shop.DAY).status == "nothing to do"


WRONG = {
    "a parameter": (
        {
            shop.CHECKS: CHECKS.replace("raw__orders.anti", "orders.anti").replace(
                ", raw__orders)", ", orders)"
            )
        },
        "orders_are_whole reads 'orders', which several schemas have",
        "raw__orders or silver__orders or marts__orders",
    ),
    "SQL": (
        {"tables/marts/orders.sql": "SELECT id, sku\nFROM orders"},
        "tables/marts/orders.sql:2: marts.orders reads 'orders', which several schemas have",
        "marts.orders or raw.orders or silver.orders",
    ),
    "a name of one schema alone": (
        {shop.SILVER: SILVER.replace("def lines(silver__orders)", "def lines(bronze__orders)")},
        "silver.lines reads 'bronze__orders', which no function builds",
        "silver__orders",
    ),
}


@pytest.mark.parametrize(("edits", "message", "cure"), WRONG.values(), ids=WRONG)
def test_a_name_that_means_several_tables_is_told(edits, message, cure, tmp_path):
    shop.write(tmp_path, {**FILES, **edits})
    shop.forget()
    with pytest.raises(ProjectError) as raised:
        shop.compiled(tmp_path)
    shop.forget()
    assert message in str(raised.value)
    assert cure in raised.value.hint


@pytest.mark.parametrize(
    "name", ["orders__fetch", "orders__stage", "main", "publication", "window", "settings", "till"]
)
def test_a_table_that_is_called_as_another_node_is_told_with_its_place(name, tmp_path):
    text = GOLD.replace("def sales(marts__orders)", f"def {name}(lines)")
    shop.write(tmp_path, {**shop.SHOP, "tables/gold.py": text.replace("marts__orders", "lines")})
    shop.forget()
    with pytest.raises(ProjectError, match=f"'{name}' is taken") as raised:
        shop.compiled(tmp_path)
    shop.forget()
    assert raised.value.place.endswith(f"gold.py:4 in {name}")
