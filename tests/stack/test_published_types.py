"""Lists, structs and maps reach Postgres from Trino as they do from DuckDB."""

import ibis
import psycopg
import pytest

from lakehouse.compile.compiler import Statement
from lakehouse.engines import Load, Source
from lakehouse.plan.state import EVERYTHING
from lakehouse.publish import mart_moves, publication_table
from lakehouse.publish.mart_moves import Mart
from lakehouse.publish.publication_table import STAGING

DIGITS = "12345678901234567890.0123456789"
NOON = "TIMESTAMP '2024-03-01 12:00:00.000000 UTC'"
VALUES = {
    "array<int64>": ("ARRAY[BIGINT '1', NULL]", "{1,NULL}"),
    "array<string>": ("ARRAY['a,{}', NULL, '']", '{"a,{}",NULL,""}'),
    "array<float64>": ("ARRAY[nan(), -infinity(), 1.5E0, NULL]", "{NaN,-Infinity,1.5,NULL}"),
    "array<binary>": ("ARRAY[X'00FF']", '{"\\\\x00ff"}'),
    "array<timestamp('UTC', 6)>": (f"ARRAY[{NOON}]", '{"2024-03-01 12:00:00+00"}'),
    "array<array<int64>>": ("ARRAY[ARRAY[BIGINT '1'], ARRAY[], NULL]", "[[1], [], null]"),
    "map<string, float64>": ("MAP(ARRAY['a', 'b'], ARRAY[1.5E0, nan()])", '{"a": 1.5, "b": "NaN"}'),
    "struct<d: decimal(38, 10), t: timestamp('UTC', 6), b: binary, n: int64>": (
        (
            f"CAST(ROW(DECIMAL '{DIGITS}', {NOON}, X'00FF', NULL) AS ROW(d DECIMAL(38, 10),"
            " t TIMESTAMP(6) WITH TIME ZONE, b VARBINARY, n BIGINT))"
        ),
        f'{{"b": "\\\\x00ff", "d": {DIGITS}, "n": null, "t": "2024-03-01T12:00:00.000000Z"}}',
    ),
    "struct<a: string>": ("CAST(NULL AS ROW(a VARCHAR))", None),
}


@pytest.fixture
def through(on_trino):
    """Publishes values that are written in Trino's SQL; what Postgres has, as its text."""
    with psycopg.connect(on_trino.postgres) as connection:
        publication_table.prepare(connection)

    def through(kind, *values):
        schema = ibis.schema({"x": kind})
        rows = Statement(" UNION ALL ".join(f"SELECT {value} AS x" for value in values), schema)
        load = Load(Source("typed", schema, view=rows), EVERYTHING, (STAGING, "typed"))
        with on_trino.session as session:
            session.engine.load_postgres(on_trino.address, [load])
        with psycopg.connect(on_trino.postgres) as connection:
            mart_moves.move(connection, Mart("typed", load, ""), None)
            found = connection.execute("SELECT x::text FROM marts.typed").fetchall()
            connection.execute(f"DROP TABLE marts.typed, {STAGING}.typed")
        return [text for (text,) in found]

    return through


@pytest.mark.parametrize("kind", VALUES)
def test_each_arrives(through, kind):
    value, text = VALUES[kind]
    assert through(kind, value) == [text]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", "'a'", "'a' || chr(0)"),
        ("array<string>", "ARRAY['a']", "ARRAY['a' || chr(0)]"),
        ("map<string, string>", "MAP(ARRAY['a'], ARRAY['b'])", "MAP(ARRAY['a'], ARRAY[chr(0)])"),
    ],
)
def test_what_postgres_cannot_hold_stays_out(through, kind, good, bad):
    assert len(through(kind, good, bad)) == 1
