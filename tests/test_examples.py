"""The projects below `examples/`: their own tests, and days in which their sources change."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHOP = ROOT / "examples/shop"
HISTORY = """
import json, os, sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

import lakehouse
from ingestion.sources import make_database
from lakehouse.errors import CheckFailedError

database, prices = Path("shop.db"), Path("prices/2024-03.csv")
os.environ["SHOP_DATABASE"] = make_database(database)
lake, seen = lakehouse.open(), {}

def rows(sql, of=lake):
    return [list(row.values()) for row in of.query(sql).to_pylist()]

def built(report):
    return sorted(node.node for node in report.nodes if node.step == "model" and node.rows)

lake.run("2024-03-15")
lake.run("2024-03-14")
seen["days"] = rows("SELECT order_date::text, items FROM marts.daily_items ORDER BY 1")
seen["tea"] = rows("SELECT price::text, _file FROM raw.prices WHERE sku = 'cup'")
seen["parity"] = rows("SELECT count(*) - 48 FROM silver.fct_order_values")
seen["again"] = str(lake.run("2024-03-15").status)

with closing(sqlite3.connect(database)) as connection, connection:
    connection.execute(
        "UPDATE customers SET closed_at = '2024-03-15T12:00:00Z', updated_at = '2024-03-15T12:00:00Z'"
        " WHERE id = '4'"
    )
lake.run("2024-03-15")
seen["customers"] = rows("SELECT id FROM silver.dim_customers ORDER BY id")
seen["raw customers"] = rows("SELECT count(*) FROM raw.customers")

whole = prices.read_text()
prices.write_text("sku,price\\ncup,9.50\\n")
before = lake.log(1)[0].id
try:
    lake.run("2024-03-15")
except CheckFailedError as error:
    seen["without a price"] = error.message
seen["main stayed"] = lake.log(1)[0].id == before
prices.write_text(whole.replace("9.50", "10.00"))
lake.run("2024-03-15")

rates = {"currency": ["EUR", "PLN", "SEK"], "rate": [1, 4, 11]}
kind = pa.schema({"currency": pa.string(), "rate": pa.decimal128(12, 4)})
pyarrow.parquet.write_table(pa.table(rates, kind), "rates/2024.parquet")
seen["after the rates"] = built(lake.run("2024-03-15"))

os.environ["LAKEHOUSE_HOME"] = str(Path("fresh").absolute())
os.environ["LAKEHOUSE_POSTGRES_URL"] = os.environ["FRESH_POSTGRES_URL"]
fresh = lakehouse.open()
fresh.backfill("2024-03-14", "2024-03-15")
tables = [node.node for node in lake.plan("2024-03-15") if node.node.split(".")[0] in ("silver", "marts")]
seen["tables"] = len(tables)
seen["differs"] = [
    table
    for table in tables
    if sorted(map(str, rows(f"FROM {table}"))) != sorted(map(str, rows(f"FROM {table}", fresh)))
]
print(json.dumps(seen))
"""


def in_copy(folder, command, **environment):
    """Run a command in a copy of the shop, with its own settings alone; what it prints."""
    mine = {name: text for name, text in os.environ.items() if not name.startswith("LAKEHOUSE")}
    answer = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**mine, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples") / "shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns(".lakehouse", "__pycache__"))
    return folder


@pytest.fixture(scope="module")
def seen(shop, databases):
    """What a history of the shop shows, in a home of its own and, at the end, in a fresh one."""
    with databases.lend() as old, databases.lend() as fresh:
        addresses = {"LAKEHOUSE_POSTGRES_URL": old, "FRESH_POSTGRES_URL": fresh}
        return json.loads(in_copy(shop, ["-c", HISTORY], **addresses))


@pytest.mark.long
def test_the_tests_of_the_shop_pass(shop):
    in_copy(shop, ["-m", "pytest", "-q", "-p", "no:cacheprovider"])


@pytest.mark.long
@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("days", [["2024-03-13", 3], ["2024-03-14", 48], ["2024-03-15", 45]]),
        ("tea", [["9.50", "prices/2024-03.csv"]]),
        ("parity", [[0]]),
        ("again", "nothing to do"),
        ("customers", [["1"], ["2"], ["3"]]),
        ("raw customers", [[4]]),
        ("main stayed", True),
        ("after the rates", ["marts.sales_by_country"]),
        ("tables", 10),
        ("differs", []),
    ],
)
def test_a_history_of_the_shop_shows(seen, what, shown):
    assert seen[what] == shown


@pytest.mark.long
def test_an_article_without_a_price_keeps_the_run_out_of_main(seen):
    assert "an article has no price" in seen["without a price"]
