"""The commands that change stored rows, `erase` and `refill`, and seeds, as they are typed."""

import pytest
from shop import DAY, ORDERS, SHOP, command, forget, write

TOTAL = '''
"""Sales by group."""

from lakehouse import Table, model


@model(kind=Table())
def by_group(orders, groups):
    """Sales of each group of articles."""
    both = orders.inner_join(groups, "sku")
    return both.group_by("label").agg(price=both.price.sum())
'''
FIELD = "    {}: str = pa.Field(nullable=True)\n"
WITH_PAYLOAD = SHOP[ORDERS].replace(
    FIELD.format("note"), "".join(map(FIELD.format, ("note", "payload", "more")))
)
FILES = {
    **SHOP,
    ORDERS: WITH_PAYLOAD.replace("yield pyarrow.Table.from_pylist(till)", "yield till"),
    "tables/marts2/groups.py": TOTAL,
    "tables/marts2/__init__.py": "",
    "seeds/groups.csv": "sku,label\ntea,Drinks\ncup,Things\n",
}


@pytest.fixture
def shop(tmp_path, database, monkeypatch):
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAKEHOUSE_POSTGRES_URL", database)
    yield tmp_path / "shop"
    forget()


@pytest.mark.long
def test_a_shop_erases_and_refills_and_reads_its_seed(shop):
    write(shop, FILES)
    assert command(shop, "run", "--date", DAY, "--force")[0] == 0
    asked = ("query", "select * from marts2.by_group order by label")
    assert command(shop, *asked)[1] == [
        {"label": "Drinks", "price": 3},
        {"label": "Things", "price": 0},
    ]
    (shop / "seeds/groups.csv").write_text("sku,label,shelf\ntea,Drinks,1\ncup,Drinks,2\n")
    code, report = command(shop, "run", "--date", DAY)
    assert (code, report["status"]) == (0, "done")
    assert command(shop, *asked)[1] == [{"label": "Drinks", "price": 3}]
    (shop / "seeds/groups.csv").write_text("sku,label\ntea\n")
    code, told = command(shop, "run", "--date", DAY)
    assert code == 2
    assert told["error"].startswith("seeds/groups.csv:2: the row has 1 field")

    (shop / "seeds/groups.csv").write_text("sku,label\ntea,Drinks\n")
    code, report = command(shop, "refill", "raw.orders.more")
    assert code == 0, report
    assert (code, report["message"]) == (0, "refill raw.orders.more")
    code, told = command(shop, "refill", "raw.orders.mor")
    assert (code, "did you mean 'more'" in told["hint"]) == (2, True)

    code, counted = command(shop, "erase", "orders", "id=1", "--dry-run")
    assert (code, counted[0]) == (0, {"place": "raw.orders", "rows": 1, "cure": ""})
    code, erased = command(shop, "erase", "orders", "id=1")
    assert (code, erased["erased"], erased["kept"]) == (0, {"raw.orders": 1}, [])
    assert command(shop, "log")[1][0]["message"] == "erase raw.orders by id"
    assert command(shop, "erase", "orders", "id")[0] == 2
    assert command(shop, "query", "select id from raw.orders")[1] == [{"id": "2"}]
