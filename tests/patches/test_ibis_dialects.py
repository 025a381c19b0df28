"""Expressions that Ibis alone would write as SQL that an engine does not know, or in any order."""

import subprocess
import sys

import duckdb
import ibis
import pytest
from ibis.common.exceptions import OperationNotDefinedError
from seen import needless, still

from lakehouse.patches.ibis_dialects import hash_of, to_sql

PATCH = "ibis_dialects"
ROWS = ibis.table({"a": "int64", "b": "int64", "c": "int64", "d": "int64", "e": "int64", "f": "int64", "g": "int64", "at": "timestamp('UTC', 6)"}, name="rows")  # fmt: skip
EVENTS = ibis.table({"key": "int64", "value": "int64"}, name="events")
EARLY = EVENTS.filter(EVENTS.value < EVENTS.value.min().over(group_by=EVENTS.key) + 5)
DROP = "ibis.table({name: 'int64' for name in 'abcdefghijklmnop'}, name='rows').drop(*'abc')"


def in_processes(code):
    """What some code prints, in processes that hash text differently."""
    return {
        subprocess.run(
            [sys.executable, "-c", f"import ibis; {code}"],
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(3)
    }


def answer(engine, sql):
    """What a statement about `EVENTS` gives for four of them."""
    events = "SELECT * FROM (VALUES (1, 1), (1, 2), (1, 6), (2, 5)) AS given(key, value)"
    return engine.connection.execute(f"WITH events AS ({events}) {sql}").fetchall()


@pytest.mark.long
def test_what_drops_columns_is_the_same_text_in_every_process():
    code = f"from lakehouse.patches.ibis_dialects import to_sql; print(to_sql({DROP}, 'duckdb'))"
    (sql,) = in_processes(code)
    assert [sql.index(f'"{name}"') for name in "defghijklmnop"] == sorted(sql.index(f'"{name}"') for name in "defghijklmnop")  # fmt: skip
    assert '"a"' not in sql


@pytest.mark.long
def test_ibis_names_dropped_columns_in_any_order():
    found = in_processes(f"print(ibis.to_sql({DROP}, dialect='duckdb'))")
    assert len(found) > 1, f"_name_what_is_kept: {needless(PATCH, 'ibis-framework')}"


@pytest.mark.parametrize("dialect", ["duckdb", "trino"])
def test_a_filter_by_a_window_gives_the_rows_that_it_means(engine, dialect):
    sql = to_sql(EARLY, dialect)
    assert "QUALIFY" not in sql
    assert sorted(answer(engine, sql)) == [(1, 1), (1, 2), (2, 5)]


def test_ibis_names_a_table_out_of_reach_where_an_engine_has_no_qualify(engine):
    """So what it writes for Trino can be asked of no engine."""
    with still(PATCH, "ibis-framework", duckdb.BinderException, match='"t0" not found'):
        answer(engine, ibis.to_sql(EARLY, dialect="trino"))


@ibis.udf.scalar.builtin
def epoch_us(instant) -> int:
    """DuckDB's microseconds since 1970."""


def test_functions_of_duckdb_have_other_words_on_trino():
    table = ROWS.select(us=epoch_us(ROWS.at))
    assert "EPOCH_US" in to_sql(table, "duckdb").upper()
    assert "TO_UNIXTIME" in to_sql(table, "trino").upper()


def test_a_hash_is_one_that_trino_does_not_know():
    assert "HASH(" in to_sql(ROWS.select(h=hash_of(ROWS.a)), "duckdb").upper()
    with pytest.raises(OperationNotDefinedError):
        to_sql(ROWS.select(h=hash_of(ROWS.a)), "trino")


def test_ibis_leaves_functions_of_duckdb_as_they_are_on_trino():
    for named in (hash_of(ROWS.a), epoch_us(ROWS.at)):
        name = named.op().__func_name__
        sql = ibis.to_sql(ROWS.select(x=named), dialect="trino")
        assert f"{name}(" in sql.lower(), f"_in_other_words: {needless(PATCH, 'ibis-framework')}"


def test_ibis_has_no_hash_on_trino():
    with still(PATCH, "ibis-framework", OperationNotDefinedError):
        ibis.to_sql(ROWS.select(x=ROWS.a.hash()), dialect="trino")
