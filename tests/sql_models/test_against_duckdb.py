"""What a SELECT means as an expression of Ibis is what DuckDB makes of its text."""

import math
from collections import Counter

import duckdb
import ibis
import pytest
from random_sql import RandomSql
from sql_queries import QUERIES, ROWS, TABLES

from lakehouse.engines import duckdb_connection
from lakehouse.errors import ProjectError
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.sql_models.duckdb_binding import bound
from lakehouse.sql_models.kinds_of_types import differences
from lakehouse.sql_models.parsed import parse
from lakehouse.sql_models.select import expression

REFUSED = {
    "SELECT id // 2 AS x FROM orders": "id // 2",
    "SELECT concat(sku, 'a') AS c FROM orders": "CONCAT",
    "SELECT DISTINCT ON (sku) id FROM orders": "DISTINCT ON",
    "SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM customers)": "EXISTS",
    "SELECT o.id FROM orders o WHERE id IN (SELECT id FROM customers c WHERE c.sku = o.sku)": "o.sku",
    "SELECT count(*) FROM orders": "no name",
    "SELECT * FROM orders o JOIN customers c ON o.id = c.id": "two columns are called 'id'",
    "SELECT list(id) AS l FROM orders": "ARRAY_AGG|LIST",
    "SELECT id FROM orders USING SAMPLE 10%": "SAMPLE",
    "SELECT x.id FROM orders x, LATERAL (SELECT 1 AS b) AS y": "LATERAL",
    "SELECT n FROM (VALUES (1)) AS t (n)": "VALUES",
    "SELECT sum(DISTINCT price) AS s FROM orders": "DISTINCT",
    "SELECT sku, count(*) AS n FROM orders GROUP BY ROLLUP (sku)": "ROLLUP",
    "SELECT count(DISTINCT (id, sku)) AS n FROM orders": "id, sku",
    "SELECT lag(price IGNORE NULLS) OVER (ORDER BY id) AS l FROM orders": "IGNORE NULLS",
    "SELECT sum(price) OVER w AS s FROM orders WINDOW w AS (ORDER BY id)": "WINDOW",
    "SELECT id FROM orders NATURAL JOIN customers": "NATURAL",
    "SELECT id FROM orders POSITIONAL JOIN (SELECT name FROM customers) c": "POSITIONAL",
    "SELECT id FROM orders WHERE sku > 3": "Cannot compare",
    "SELECT id || sku AS j FROM orders": "joins a number with text",
    "SELECT id + good AS j FROM orders": "BOOLEAN",
    "SELECT trim(sku, 'x') AS t FROM orders": "TRIM",
    "SELECT price - id % 3 AS a FROM orders": "two ways",
    "SELECT price % 3 / id AS a FROM orders": "two ways",
    "SELECT price % 3 * id AS a FROM orders": "two ways",
    "SELECT sum(1) AS s FROM orders": "SUM",
    "SELECT random() AS r FROM orders": "RAND",
    "SELECT sku[1] AS c FROM orders": "sku\\[",
    "SELECT COLUMNS('i.*') FROM orders": "COLUMNS",
    "SELECT id FROM orders UNION ALL BY NAME SELECT id FROM customers": "UNION",
    "SELECT * REPLACE (id + 1 AS id) FROM orders": "REPLACE",
    "SELECT max(price, 2) AS m FROM orders": "MAX",
    "SELECT sum(price ORDER BY id) AS s FROM orders": "SUM",
    "SELECT id FROM orders LIMIT 10%": "LIMIT|10",
    "SELECT id FROM orders LIMIT (SELECT 1)": "LIMIT",
    "SELECT substr(sku, -2) AS s FROM orders": "SUBSTRING|-2",
    "SELECT substr(sku, id) AS s FROM orders": "SUBSTRING",
    "SELECT left(sku, -1) AS s FROM orders": "LEFT",
    "SELECT clock AT TIME ZONE sku AT TIME ZONE 'UTC' AS c FROM orders WHERE clock > moment": "an instant",
}


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as connection:
        duckdb_connection.load_extension(connection, "icu")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(ROWS)
        connection.execute(duckdb_connection._FUNCTIONS)
        yield connection


def translated(query):
    text = parse("query.sql", query)
    tables = {table: ibis.table(TABLES[table.name], name=table.name) for table in text.tables()}
    columns = bound(text, {table: found.schema() for table, found in tables.items()})
    made = expression(text, tables, lambda *_: None)
    assert not differences(columns, made.schema())
    return made


def plain(value):
    """A value that equals another if both mean the same; floats to twelve digits."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.12g}")
    return float(value) if type(value).__name__ == "Decimal" else value


def rows(connection, sql):
    found = connection.execute(sql).fetchall()
    return Counter(tuple(map(plain, row)) for row in found)


@pytest.mark.sample(12)
@pytest.mark.parametrize("query", QUERIES)
def test_it_gives_the_rows_that_duckdb_gives(query, database):
    made = translated(query)
    assert rows(database, to_sql(made, "duckdb")) == rows(database, query)
    if "median" not in query:  # of which `check --portable` tells
        assert to_sql(made, "trino").startswith(("SELECT", "WITH"))


@pytest.mark.sample(0, long=6)
@pytest.mark.parametrize("seed", range(12))
def test_random_queries_give_the_rows_that_duckdb_gives(seed, database):
    random, compared = RandomSql(seed), 0
    for _ in range(12):
        query = random.query()
        try:
            expected = rows(database, query)
            made = translated(query)
        except (duckdb.Error, ProjectError):  # of other types than DuckDB takes, or refused
            continue
        assert rows(database, to_sql(made, "duckdb")) == expected, query
        compared += 1
    assert compared > 5


@pytest.mark.sample(12)
@pytest.mark.parametrize(("query", "named"), REFUSED.items())
def test_what_has_no_equal_is_refused_with_its_line(query, named):
    with pytest.raises(ProjectError, match=rf"query\.sql:1: .*({named})"):
        translated(query)
