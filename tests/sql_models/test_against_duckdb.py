"""What a SELECT means as an expression of Ibis is what DuckDB makes of its text."""

import math
from collections import Counter

import duckdb
import ibis
import pytest

from lakehouse.engines import duckdb_connection
from lakehouse.errors import ProjectError
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.sql_models.duckdb_binding import bound
from lakehouse.sql_models.kinds_of_types import differences
from lakehouse.sql_models.parsed import parse
from lakehouse.sql_models.select import expression

TABLES = {
    "orders": {
        "id": "int64",
        "sku": "string",
        "price": "int64",
        "share": "float64",
        "good": "boolean",
        "day": "date",
        "moment": "timestamp('UTC', 6)",
        "clock": "timestamp(6)",
    },
    "customers": {"id": "int64", "name": "string", "sku": "string"},
}
ROWS = """
CREATE TABLE orders AS SELECT * FROM (VALUES
    (1, 'tea', 3, 0.5, true, DATE '2024-03-15', TIMESTAMPTZ '2024-03-15 08:05:00.25+00', TIMESTAMP '2024-03-15 08:05:00.25'),
    (2, 'cup', -7, -1.5, false, DATE '2024-02-29', TIMESTAMPTZ '2024-02-29 23:59:59.999999+00', TIMESTAMP '2024-02-29 23:59:59.999999'),
    (3, 'tea', NULL, NULL, NULL, NULL, NULL, NULL),
    (4, NULL, 10, 2.5, true, DATE '1969-12-31', TIMESTAMPTZ '1969-12-31 23:00:00+00', TIMESTAMP '1969-12-31 23:00:00'),
    (5, '  a%b_c  ', 3, 2.0, false, DATE '2024-03-31', TIMESTAMPTZ '2024-03-31 00:30:00+00', TIMESTAMP '2024-03-31 02:30:00'),
    (6, '', 0, 0.0, true, DATE '2024-12-30', TIMESTAMPTZ '2024-12-30 12:00:00+00', TIMESTAMP '2024-12-30 12:00:00'))
    AS t (id, sku, price, share, good, day, moment, clock);
ALTER TABLE orders ALTER id TYPE BIGINT; ALTER TABLE orders ALTER price TYPE BIGINT;
ALTER TABLE orders ALTER share TYPE DOUBLE;
CREATE TABLE customers AS SELECT * FROM (VALUES
    (1, 'Ann', 'tea'), (1, 'Anna', NULL), (2, 'Bob', 'cup'), (9, 'Eve', 'tea'), (NULL, 'Nil', 'tea'))
    AS t (id, name, sku);
ALTER TABLE customers ALTER id TYPE BIGINT;
CREATE SCHEMA raw; CREATE VIEW raw.orders AS FROM main.orders;
"""
QUERIES = [
    "SELECT * FROM orders",
    "select ID, Sku from Raw.Orders where PRICE > 1",
    'SELECT o."id" AS "Id" FROM "orders" AS o',
    "SELECT * EXCLUDE (share, good) FROM orders",
    "SELECT o.*, c.name FROM orders o JOIN customers c ON o.id = c.id",
    "SELECT id, price FROM orders WHERE price > 0 AND (good OR NOT good) OR sku IS NULL",
    "SELECT id FROM orders WHERE good",
    "SELECT id FROM orders WHERE good IS NOT TRUE AND price IS NOT NULL",
    "SELECT id, good IS FALSE AS f, good IS NOT FALSE AS nf FROM orders",
    "SELECT id FROM orders WHERE price BETWEEN 0 AND 3 AND id NOT BETWEEN 5 AND 6",
    "SELECT id FROM orders WHERE sku IN ('tea', 'cup') OR id NOT IN (1, 2, 3, 4, 5)",
    "SELECT id FROM orders WHERE sku LIKE '%a\\%%' OR sku LIKE 't_a' OR sku NOT LIKE '%'",
    "SELECT id FROM orders WHERE sku ILIKE 'TE%' AND sku NOT ILIKE 'x'",
    "SELECT id, sku IS NOT DISTINCT FROM NULL AS n, sku IS DISTINCT FROM 'tea' AS d FROM orders",
    "SELECT id, price + 1 AS a, price - id AS b, price * 2 AS c, -price AS d, price / 4 AS e FROM orders",
    "SELECT id, price % 3 AS m, share * 2 + 1 AS s, 1.5 * share AS t, 3 AS three, -2 AS neg FROM orders",
    "SELECT id, abs(price) AS a, round(share) AS r, round(share, 1) AS s, floor(share) AS f, ceil(share) AS c FROM orders",
    "SELECT id, sign(price) AS s, sqrt(abs(share)) AS q, exp(share) AS e, ln(price) AS l FROM orders WHERE price > 0",
    "SELECT id, power(price, 2) AS p, share ** 2 AS q FROM orders",
    "SELECT id, upper(sku) AS u, lower(sku) AS l, length(sku) AS n, trim(sku) AS t, ltrim(sku) AS lt, rtrim(sku) AS rt FROM orders",
    "SELECT id, trim(sku || '\t') AS t FROM orders",
    "SELECT id, substr(sku, 2) AS a, substring(sku, 1, 2) AS b, left(sku, 2) AS l, right(sku, 2) AS r FROM orders",
    "SELECT id, replace(sku, 'a', 'oo') AS r, strpos(sku, 'a') AS p, contains(sku, 'a') AS c FROM orders",
    "SELECT id, starts_with(sku, 't') AS s, ends_with(sku, 'a') AS e, regexp_matches(sku, '[a-c]+') AS m FROM orders",
    "SELECT id, sku || '!' AS s, sku || '-' || name AS n FROM orders JOIN customers USING (id, sku)",
    "SELECT id, CASE WHEN price > 2 THEN 'much' WHEN price < 0 THEN 'owed' ELSE 'little' END AS c FROM orders",
    "SELECT id, CASE sku WHEN 'tea' THEN 1 WHEN 'cup' THEN 2 END AS c FROM orders",
    "SELECT id, coalesce(price, id, 0) AS c, ifnull(sku, '?') AS i, nullif(price, 3) AS n FROM orders",
    "SELECT id, greatest(price, 1) AS g, least(price, 1) AS l, if(price > 0, 'y', 'n') AS f FROM orders",
    "SELECT id, price::DOUBLE AS d, CAST(id AS INTEGER) AS i, CAST(price AS VARCHAR) AS v, try_cast(sku AS INTEGER) AS t FROM orders",
    "SELECT id, CAST(moment AS DATE) AS d, CAST(clock AS DATE) AS e, CAST(day AS TIMESTAMP) AS t FROM orders",
    "SELECT id FROM orders WHERE day >= '2024-03-01' AND clock < '2024-03-31 02:30:00' AND moment > '2024-03-15'",
    "SELECT id FROM orders WHERE day IN (DATE '2024-03-15', DATE '1969-12-31') OR clock = TIMESTAMP '2024-12-30 12:00:00'",
    "SELECT id FROM orders WHERE moment >= TIMESTAMPTZ '2024-03-15 08:05:00+00'",
    "SELECT id, date_trunc('month', day) AS m, date_trunc('hour', clock) AS h, date_trunc('day', moment) AS d FROM orders",
    "SELECT id, date_trunc('week', day) AS w, date_trunc('quarter', day) AS q, date_trunc('year', clock) AS y FROM orders",
    "SELECT id, year(day) AS y, quarter(day) AS q, month(day) AS m, day(day) AS d, dayofyear(day) AS n, isodow(day) AS w FROM orders",
    "SELECT id, hour(clock) AS h, minute(clock) AS m, second(clock) AS s, extract(hour FROM moment) AS u FROM orders",
    "SELECT id, extract(year FROM day) AS y, extract(isodow FROM day) AS w, extract(doy FROM day) AS n FROM orders",
    "SELECT id, day + 1 AS a, day - 1 AS b, day - DATE '2024-01-01' AS n FROM orders",
    "SELECT id, day + INTERVAL 1 DAY AS a, clock - INTERVAL '2 hours' AS b, moment + INTERVAL 3 MINUTE AS c FROM orders",
    "SELECT id, CAST(day + INTERVAL 1 MONTH AS DATE) AS d FROM orders",
    "SELECT id, datediff('day', DATE '2024-01-01', day) AS d, date_diff('month', DATE '2024-01-31', day) AS m FROM orders",
    "SELECT id, moment AT TIME ZONE 'Europe/Oslo' AS l, clock AT TIME ZONE 'Europe/Oslo' AS i FROM orders WHERE id <> 5",
    "SELECT count(*) AS n, count(price) AS p, count(DISTINCT sku) AS s, sum(price) AS t, avg(price) AS a FROM orders",
    "SELECT min(sku) AS a, max(day) AS b, min(moment) AS c, max(share) AS d, count_if(good) AS e FROM orders",
    "SELECT bool_and(good) AS a, bool_or(good) AS o, stddev(price) AS s, var_pop(price) AS v, median(price) AS m FROM orders",
    "SELECT count(*) FILTER (WHERE price > 0) AS n, sum(price) FILTER (WHERE good) AS s FROM orders",
    "SELECT count(*) AS n FROM orders WHERE false",
    "SELECT sku, count(*) AS n, sum(price) AS s FROM orders GROUP BY sku",
    "SELECT sku, price / 2 AS half, count(*) AS n FROM orders GROUP BY sku, price / 2",
    "SELECT sku AS article, sum(price) * 2 + count(*) AS s FROM orders GROUP BY article",
    "SELECT upper(sku) AS u, sum(price) AS s FROM orders GROUP BY 1 HAVING count(*) > 1 OR sum(price) > 5",
    "SELECT sku, good, max(price) - min(price) AS r FROM orders GROUP BY ALL",
    "SELECT sku FROM orders GROUP BY sku",
    "SELECT o.sku, count(*) AS n FROM orders o GROUP BY sku HAVING max(o.price) IS NOT NULL",
    "SELECT price * 2 AS double, double + 1 AS more FROM orders WHERE double > 1",
    "SELECT sku, sum(price) AS total FROM orders GROUP BY sku HAVING total > 1",
    "SELECT DISTINCT sku, price > 1 AS much FROM orders",
    "SELECT id, price FROM orders ORDER BY price DESC, id LIMIT 3",
    "SELECT id FROM orders ORDER BY price NULLS FIRST, id DESC LIMIT 2 OFFSET 1",
    "SELECT sku, sum(price) AS s FROM orders GROUP BY sku ORDER BY sum(price) DESC NULLS LAST, sku LIMIT 2",
    "SELECT id, price FROM orders ORDER BY 2 DESC, 1 LIMIT 2",
    "SELECT id FROM orders ORDER BY id",
    "SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON o.id = c.id AND c.name <> 'Anna'",
    "SELECT o.id, c.id AS other, name FROM orders o RIGHT JOIN customers c ON o.id = c.id",
    "SELECT o.id, c.id AS other FROM orders o FULL JOIN customers c ON o.id = c.id",
    "SELECT id, name FROM orders RIGHT JOIN customers USING (id)",
    "SELECT * FROM orders LEFT JOIN (SELECT id, name FROM customers) c USING (id)",
    "SELECT a.id, b.id AS next FROM orders a JOIN orders b ON b.id = a.id + 1",
    "SELECT o.id, c.name FROM orders o, customers c WHERE o.id = c.id",
    "SELECT o.id, c.name FROM orders o CROSS JOIN customers c",
    "SELECT id FROM orders SEMI JOIN customers USING (id)",
    "SELECT o.id FROM orders o ANTI JOIN customers c ON o.id = c.id",
    "SELECT o.id, c.name, d.name AS same FROM orders o JOIN customers c ON o.id = c.id JOIN customers d ON d.sku = c.sku AND d.id = c.id",
    "SELECT o.id FROM orders o JOIN customers c ON o.price > c.id",
    "SELECT id FROM orders WHERE id IN (SELECT id FROM customers WHERE name LIKE 'A%')",
    "SELECT id FROM orders WHERE price > (SELECT avg(price) FROM orders)",
    "SELECT id, price - (SELECT min(price) FROM orders) AS above FROM orders",
    "SELECT t.n FROM (SELECT sku, count(*) AS n FROM orders GROUP BY sku) AS t WHERE t.n > 1",
    "SELECT a, b FROM (SELECT id, sku FROM orders) AS t (a, b)",
    "WITH a AS (SELECT id, price FROM orders), b AS (SELECT max(price) AS top FROM a) SELECT a.id FROM a JOIN b ON a.price = b.top",
    "WITH orders AS (SELECT * FROM orders WHERE id < 3) SELECT id FROM orders",
    "WITH a (x) AS (SELECT id FROM orders) SELECT x FROM a",
    "SELECT id FROM orders UNION ALL SELECT id FROM customers",
    "SELECT id, sku FROM orders UNION SELECT id, name FROM customers",
    "SELECT id FROM orders INTERSECT SELECT id FROM customers",
    "SELECT id FROM orders EXCEPT SELECT id FROM customers",
    "(SELECT id FROM orders) UNION ALL (SELECT id FROM customers) ORDER BY id LIMIT 3",
    "SELECT id, row_number() OVER (PARTITION BY sku ORDER BY price, id) AS n FROM orders",
    "SELECT id, rank() OVER (ORDER BY price) AS r, dense_rank() OVER (ORDER BY price DESC) AS d, ntile(2) OVER (ORDER BY id) AS t FROM orders",
    "SELECT id, percent_rank() OVER (ORDER BY price) AS p, cume_dist() OVER (ORDER BY price) AS c FROM orders",
    "SELECT id, lag(price) OVER (ORDER BY id) AS l, lead(price, 2, 0) OVER (ORDER BY id) AS m FROM orders",
    "SELECT id, sum(price) OVER (ORDER BY price) AS s, sum(price) OVER (PARTITION BY sku) AS t FROM orders",
    "SELECT id, sum(price) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS s FROM orders",
    "SELECT id, avg(price) OVER (ORDER BY id ROWS 2 PRECEDING) AS a FROM orders",
    "SELECT id, max(price) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) AS m FROM orders",
    "SELECT id, count(*) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS n FROM orders",
    "SELECT id, first_value(price) OVER (PARTITION BY sku ORDER BY id) AS f, last_value(price) OVER (PARTITION BY sku ORDER BY id) AS l FROM orders",
    "SELECT id, count(*) OVER () AS n, id * 1.0 / sum(id) OVER () AS part FROM orders",
    "SELECT id FROM orders QUALIFY row_number() OVER (PARTITION BY sku ORDER BY price DESC NULLS LAST, id) = 1",
    "SELECT id, rank() OVER (ORDER BY price) AS r FROM orders QUALIFY r <= 2",
    "SELECT sku, sum(sum(price)) OVER (ORDER BY sku) AS running, rank() OVER (ORDER BY count(*) DESC) AS r FROM orders GROUP BY sku",
    "SELECT id, -price::DOUBLE AS d, -price ** 2 AS p, NOT good IS NULL AS g, 2 ** 3 ** 2 AS q FROM orders",
    "SELECT id, price - id - 1 AS a, id / (price / 2) AS b, id * price % 7 AS c, (id - price) % 4 AS d FROM orders",
    "SELECT 1_000 AS a, .5 AS b, 1e3 AS c, 'it''s -- no /* comment */' AS e -- a comment",
    "SELECT id /* not this */, sku -- nor this\n FROM orders WHERE id <> 3 AND id != 4 AND id == 1",
    "SELECT 1 AS one, 'x' AS text, NULL::INTEGER AS none, true AS yes, DATE '2024-03-15' AS day",
    "SELECT sum(id) AS s FROM (SELECT id FROM orders ORDER BY id LIMIT 3) AS few",
    "SELECT any_value(sku) AS a, arg_max(sku, id) AS b, arg_min(sku, id) AS c FROM orders WHERE id < 3 AND id > 1",
]
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


@pytest.mark.parametrize("query", QUERIES)
def test_it_gives_the_rows_that_duckdb_gives(query, database):
    made = translated(query)
    assert rows(database, to_sql(made, "duckdb")) == rows(database, query)


@pytest.mark.parametrize("query", [q for q in QUERIES if "median" not in q])
def test_it_is_written_for_trino(query):
    assert to_sql(translated(query), "trino").startswith(("SELECT", "WITH"))


@pytest.mark.parametrize(("query", "named"), REFUSED.items())
def test_what_has_no_equal_is_refused_with_its_line(query, named):
    with pytest.raises(ProjectError, match=rf"query\.sql:1: .*({named})"):
        translated(query)
