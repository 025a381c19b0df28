"""Rows that stand in the code of a model are values of its SQL."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seen import needless

from lakehouse.patches.ibis_dialects import to_sql

PATCH = "ibis_rows_in_code"
AT = datetime(2024, 3, 1, 3, 4, 5, 123456, tzinfo=UTC)
TYPES = {
    "whole": "int64",
    "half": "float64",
    "text": "string",
    "day": "date",
    "at": "timestamp('UTC')",
    "price": "decimal(9, 2)",
    "good": "boolean",
    "few": "array<int64>",
    "pair": "struct<x: int64, y: string>",
}
ROW = {
    "whole": 2**62,
    "half": 0.1,
    "text": "it's; --",
    "day": date(1969, 12, 31),
    "at": AT,
    "price": Decimal("1.50"),
    "good": True,
    "few": [1, None],
    "pair": {"x": 1, "y": "a"},
}


def in_duckdb(rows):
    return duckdb.sql("SET timezone = 'UTC'; " + to_sql(rows, "duckdb")).arrow()


def test_values_of_all_types_are_as_they_were_written():
    nothing = dict.fromkeys(ROW)
    found = in_duckdb(ibis.memtable([ROW, nothing], schema=TYPES)).read_all()
    assert found.to_pylist() == [{**ROW, "at": AT}, nothing]


@given(st.lists(st.floats(), min_size=1))
def test_floats_keep_every_digit(values):
    rows = ibis.memtable(pa.table({"value": pa.array(values, pa.float64())}))
    found = in_duckdb(rows).read_all()["value"].to_pylist()
    assert all(
        a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(values, found, strict=True)
    )


@pytest.mark.parametrize("dialect", ["duckdb", "trino", "postgres"])
def test_each_dialect_has_the_values(dialect):
    sql = to_sql(ibis.memtable({"key": ["a", "b"]}), dialect)
    assert "VALUES ('a'), ('b')" in sql
    assert "memtable" not in sql


def test_a_moment_has_microseconds_on_trino():
    sql = to_sql(ibis.memtable([{"at": AT}]), "trino")
    assert "TIMESTAMP(6) WITH TIME ZONE" in sql
    assert "2024-03-01 03:04:05.123456+00:00" in sql


def test_no_rows_are_a_table_of_no_rows():
    found = in_duckdb(ibis.memtable([], schema={"key": "string", "n": "int64"})).read_all()
    assert (found.num_rows, found.column_names) == (0, ["key", "n"])


def test_ibis_alone_names_a_table():
    sql = str(ibis.to_sql(ibis.memtable({"key": ["a"]}), dialect="trino"))
    assert "VALUES" not in sql, needless(PATCH, "ibis-framework")
