"""Rows that are kept for a step: a few in memory, many on disk; and working in little memory."""

import pytest

from lakehouse.engines import duckdb
from lakehouse.errors import QueryError

VALUES = """
SELECT n::BIGINT AS n, n::TINYINT AS tiny, n::UTINYINT AS untiny, n::UBIGINT AS unsigned,
    n > 1 AS flag, n / 3::FLOAT AS single, CASE n WHEN 1 THEN 'nan' WHEN 2 THEN '-inf' ELSE '-0.0'
    END::DOUBLE AS double, (n / 7)::DECIMAL(12, 2) AS small, (n / 7)::DECIMAL(38, 37) AS large,
    CASE WHEN n < 3 THEN repeat('é', n) END AS text, 'ab'::BLOB AS bytes, DATE '0001-01-01' + n::INTEGER AS day,
    TIME '23:59:59.999999' AS time, TIMESTAMP '1677-09-21 00:00:00.000001' AS local,
    TIMESTAMPTZ '9999-12-31 23:59:59.999999+00' AS moment, [n, NULL] AS list, []::VARCHAR[] AS none,
    {'a': n, 'b': {'c': NULL::VARCHAR}} AS row, [{'x': n}] AS rows
FROM range(4) t(n)
"""
LARGE_VALUE = "SELECT length(string_agg(repeat('x', 10000) || n, '')) FROM range(40000) t(n)"
"""Makes one text of 400 MB, which DuckDB can only hold in memory."""


@pytest.fixture
def engine(tmp_path):
    engine = duckdb.connect(tmp_path / "spill")
    yield engine
    engine.close()


def rows(engine, name):
    return sorted(map(repr, engine.execute(f"SELECT * FROM {name}").fetchall()))


def files(tmp_path):
    return [*tmp_path.rglob("*.parquet")]


def memory(engine):
    sql = "SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()"
    return engine.scalar(f"{sql} WHERE tag = 'IN_MEMORY_TABLE'")


def test_many_rows_are_the_same_as_few_in_value_and_type(engine):
    engine.keep("few", VALUES, are_many=False)
    engine.keep("many", VALUES, are_many=True)
    described = [engine.execute(f"DESCRIBE {name}").fetchall() for name in ("few", "many")]
    assert described[0] == described[1]
    assert rows(engine, "few") == rows(engine, "many")


@pytest.mark.long
def test_many_rows_take_no_memory(engine):
    statement = "SELECT n, md5(n::VARCHAR) AS text FROM range(200000) t(n)"
    engine.keep("few", statement, are_many=False)
    held = memory(engine)
    engine.keep("many", statement, are_many=True)
    assert held > 5_000_000
    assert memory(engine) == held


@pytest.mark.parametrize("are_many", [False, True])
@pytest.mark.parametrize("were_many", [False, True])
def test_rows_replace_those_that_had_the_name(engine, tmp_path, were_many, are_many):
    engine.keep("kept", "SELECT 1 AS n", are_many=were_many)
    engine.keep("kept", "SELECT 2 AS n", are_many=are_many)
    assert rows(engine, "kept") == ["(2,)"]
    assert len(files(tmp_path)) == are_many


def test_what_is_forgotten_leaves_neither_a_name_nor_a_file(engine, tmp_path):
    engine.keep("few", VALUES, are_many=False)
    engine.keep("many", VALUES, are_many=True)
    engine.forget(["few", "many", "never kept"])
    assert files(tmp_path) == []
    for name in ("few", "many"):
        with pytest.raises(QueryError, match=name):
            engine.execute(f"FROM {name}")


def test_a_sparing_engine_has_all_memory_again_at_the_end(engine):
    before = engine.execute("SELECT current_setting('memory_limit')").fetchone()
    with engine.sparing():
        within = engine.execute("SELECT current_setting('memory_limit')").fetchone()
    assert within != before
    assert engine.execute("SELECT current_setting('memory_limit')").fetchone() == before


@pytest.mark.long
def test_a_statement_for_which_little_memory_is_not_enough_gets_all(engine):
    with engine.sparing():
        assert engine.scalar(LARGE_VALUE) == 400_188_890
