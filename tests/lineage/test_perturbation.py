"""Other values in a column change no column but those that lineage says are made of it."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
import pytest
from perturbed import Models, counted, differing, named, variants
from random_sql import RandomSql
from sql_queries import QUERIES, ROWS, TABLES
from travellers import TRAVELLERS, resident
from witness.moments import Home

from lakehouse import config
from lakehouse.compile.compiler import Compiled
from lakehouse.declare import project
from lakehouse.engines import duckdb_connection
from lakehouse.errors import ProjectError
from lakehouse.lineage import Column, Lineage, of, table_parents
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.sql_models.duckdb_binding import bound
from lakehouse.sql_models.parsed import parse
from lakehouse.sql_models.select import expression
from lakehouse.testing.runner import RunModel

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def orders():
    """A database with the functions that models use, and the rows of the tables of queries."""
    with duckdb.connect() as connection:
        duckdb_connection.load_extension(connection, "icu")
        connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
        connection.execute(ROWS)
        connection.execute(duckdb_connection._FUNCTIONS)
        rows = {table: connection.execute(f"FROM {table}").to_arrow_table() for table in TABLES}
        connection.execute("DROP VIEW raw.orders; DROP TABLE orders; DROP TABLE customers")
        yield connection, rows


def changed(query, orders):
    """Pairs (parent, child) of columns of which one changes with the other; and the lineage."""
    connection, rows = orders
    text = parse("query.sql", query)
    tables = {table: ibis.table(TABLES[table.name], name=table.name) for table in text.tables()}
    bound(text, {table: found.schema() for table, found in tables.items()})
    made = expression(text, tables, lambda *_: None)
    sql, pairs = to_sql(made, "duckdb"), set()

    def counts(changed_rows):
        for name, table in {**rows, **changed_rows}.items():
            connection.register(name, table)
        return counted(connection.execute(sql).to_arrow_table().to_pylist(), made.columns)

    before = counts({})
    for name, table in rows.items():
        if name not in {each.name for each in text.tables()}:
            continue
        for column in table.column_names:
            for variant in variants(table, column):
                try:
                    after = counts({name: variant})
                except duckdb.Error:  # such as the logarithm of a negative number
                    continue
                pairs |= {(Column(name, column), child) for child in differing(before, after)}
    return pairs, Lineage({"made": table_parents(made)})


def unnamed(pairs, lineage):
    return {(p, child) for p, child in pairs if p not in named(lineage, "made", child)}


@pytest.mark.sample(2)
@pytest.mark.parametrize("query", QUERIES[::3])
def test_a_query_changes_only_where_lineage_says_so(query, orders):
    pairs, lineage = changed(query, orders)
    assert unnamed(pairs, lineage) == set()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_random_query_changes_only_where_lineage_says_so(seed, orders):
    random, compared = RandomSql(seed), 0
    for _ in range(6):
        query = random.query()
        try:
            pairs, lineage = changed(query, orders)
        except (duckdb.Error, ProjectError):  # of other types than DuckDB takes, or refused
            continue
        assert unnamed(pairs, lineage) == set(), query
        compared += bool(pairs)
    assert compared > 1


@pytest.mark.long
def test_each_column_that_gives_its_value_is_seen_to_change_it(orders):
    query = (
        "SELECT c.name, max(o.price) AS top, count(*) AS n FROM orders o"
        " LEFT JOIN customers c ON o.id = c.id WHERE o.good IS NOT FALSE GROUP BY c.name"
    )
    pairs, lineage = changed(query, orders)
    edges = {
        (e.parent, name) for name in ("name", "top", "n") for e in lineage.parents("made", name)
    }
    assert pairs == edges


def entries():
    """Two days of two people, through all ranges, with a second phone for half of one day."""
    start = datetime(2024, 3, 14, tzinfo=UTC)
    levels = [45, 52, 60, 66, 80, 100, 130, 160, 185, 220, 260, 320, 240, 200, 150, 110, 90, 72]
    for site, every, device in (("anna", 10, "a"), ("ben", 15, None), ("anna", 10, "b")):
        for number in range((2 if device != "b" else 1) * 1440 // every):
            if device == "b" and number % 3:
                continue
            at = start + timedelta(minutes=every * number, seconds=20 * (device == "b"))
            yield {
                "site": site,
                "_id": f"{site}{device}{number:05}",
                "type": "sgv",
                "sgv": float(levels[number // 4 % len(levels)] + number % 5),
                "reading_timestamp": at,
                "direction": "Flat" if number % 2 else "SingleUp",
                "trend": number % 7,
                "device": device,
                "utc_offset": 60 * (number % 2),
                "is_valid": [True, None, True, True, False][number % 5] if number % 3 else True,
                "_ingested_at": at + timedelta(minutes=1),
            }


@pytest.fixture(scope="module")
def glucose():
    loaded = project.load(config.load(ROOT))
    run_model = RunModel(lambda: loaded)
    homes = [
        resident("anna", Home("Europe/London")) | {"target_low": 80.0, "target_high": 140.0},
        resident("ben", TRAVELLERS["london-new-york-london"]),
    ]
    rows = {}
    for name, made in (("glucose_entries", [*entries()]), ("sites", homes)):
        schema = run_model.schema(name).to_pyarrow()
        rows[name] = pa.Table.from_pylist(made, schema)
    schemas = {name: run_model.schema(name) for name in loaded.tables}
    yield Models(run_model, of(Compiled(loaded, schemas)), rows)
    run_model.sandbox().close()


def columns_by_use(models):
    """The columns of raw tables of which something is made, and those of which nothing is."""
    used, unused = [], []
    for name in models.project.ingestions:
        for column in models.tables[name].column_names:
            place = Column(models.project.tables[name].table, column)
            (used if models.lineage.down([place]) else unused).append((name, column))
    return used, unused


@pytest.mark.longest
def test_all_models_change_only_where_lineage_says_so(glucose):
    told, seen = set(), set()
    for name, spec in glucose.project.models.items():
        pairs, wrong = glucose.direct(name)
        told, seen = told | wrong, seen | {(spec.table, *pair) for pair in pairs}
    assert told == set()
    values = {
        (edge.child.table, edge.parent, edge.child.name)
        for spec in glucose.project.models.values()
        for column in glucose.lineage.columns_of(spec.table)
        for edge in glucose.lineage.parents(*column)
        if edge.kind == "value"
    }
    assert len(values & seen) / len(values) > 0.9
    # And through all tables, in the same test, as it takes a while to build them.
    used, unused = columns_by_use(glucose)
    assert ("glucose_entries", "noise") in unused
    assert glucose.after(unused) == set()
    for name, column in [("glucose_entries", "sgv"), ("glucose_entries", "device")]:
        assert (name, column) in used
        found = glucose.after([(name, column)])
        assert found
        assert found <= {*glucose.lineage.down([Column(f"raw.{name}", column)])}


SHOP = """
from datetime import UTC, datetime
import pyarrow as pa
from perturbed import Models
from lakehouse import config
from lakehouse.compile.compiler import Compiled
from lakehouse.declare import project
from lakehouse.lineage import of
from lakehouse.testing.runner import RunModel

loaded = project.load(config.load())
run_model = RunModel(lambda: loaded)
at = [datetime(2024, 3, 14 + n // 4, 6 * (n % 4), tzinfo=UTC) for n in range(8)]
made = {
    "orders": [
        {
            "order_id": f"o{n}",
            "customer": {"id": str(n % 3), "is_new": n % 2 == 0},
            "placed_at": at[n],
            "items": [{"sku": ["tea", "cup"][(n + i) % 2], "quantity": i + n} for i in range(n % 3)],
        }
        for n in range(8)
    ],
    "prices": [{"sku": "tea", "price": 3}, {"sku": "cup", "price": 9}],
    "customers": [
        {"id": str(n), "name": f"n{n}", "country_code": ["DE", "SE"][n % 2]} for n in range(3)
    ],
    "countries": [
        {"code": "DE", "country": "Germany", "currency": "EUR"},
        {"code": "SE", "country": "Sweden", "currency": "SEK"},
    ],
    "rates": [{"currency": "EUR", "rate": 1}, {"currency": "SEK", "rate": 11}],
}
rows = {}
for name, of_table in made.items():
    run_model.fill(name, of_table)
    rows[name] = run_model.sandbox().table(f"FROM {run_model.sandbox().relation(name)}")
schemas = {name: run_model.schema(name) for name in loaded.tables}
models = Models(run_model, of(Compiled(loaded, schemas)), rows)
for name, spec in models.project.models.items():
    pairs, wrong = models.direct(name, 5)
    print(name, len(pairs), sorted(map(str, wrong)))
"""


@pytest.mark.long
def test_all_models_of_the_shop_change_only_where_lineage_says_so():
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests/helpers")])
    answer = subprocess.run(
        [sys.executable, "-B", "-c", SHOP],
        cwd=ROOT / "examples/shop",
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split(" ", 2) for line in answer.stdout.splitlines()]
    assert answer.returncode == 0, answer.stderr
    assert {name: wrong for name, _, wrong in lines if wrong != "[]"} == {}
    assert len(lines) == 10
    assert sum(int(pairs) > 0 for _, pairs, _ in lines) == 9  # one has rows of its own
