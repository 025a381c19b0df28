"""The SQL that selects rows for Postgres can be read in the dialect of each engine."""

import ibis
import pytest
import sqlglot

from lakehouse.compile.compiler import Statement
from lakehouse.compile.postgres_types import postgres_type
from lakehouse.engines import Load, Source
from lakehouse.engines.postgres_rows import changed
from lakehouse.engines.postgres_words import WORDS
from lakehouse.plan.state import EVERYTHING

PLAIN = ["string", "float64", "decimal(38, 2)", "binary", "date", "timestamp('UTC', 6)", "boolean"]
NESTED = ["array<{}>", "struct<a: {}, b: array<{}>>", "map<string, {}>", "array<map<int64, {}>>"]
KINDS = [*PLAIN, "json", *(outer.replace("{}", kind) for outer in NESTED for kind in PLAIN)]


@pytest.mark.long
@pytest.mark.parametrize("dialect", WORDS)
def test_it_is_sql(dialect):
    schema = ibis.schema({f"column {place}": kind for place, kind in enumerate(KINDS)})
    assert all(map(postgres_type, schema.values()))
    source = Source("typed", schema, view=Statement("SELECT 1", schema))
    sql = changed(Load(source, EVERYTHING, ("s", "t")), lambda *_: "", dialect)
    tree = sqlglot.parse_one(sql, read=dialect)
    assert tree.named_selects == list(schema)
