"""Names and values reach SQL as what they are, however odd."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lakehouse.engines.sql import identifier, literal, qualified

ODD = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
FIXTURES = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FIXTURES
@given(ODD)
@example("'; DROP TABLE x; --")
@example("\\'")
def test_a_value_is_a_literal(engine, value):
    assert engine.connection.execute(f"SELECT {literal(value)}").fetchone() == (value,)


@FIXTURES
@given(ODD)
@example('"; DROP TABLE x; --')
def test_a_name_is_an_identifier(engine, name):
    found = engine.connection.execute(f"SELECT 1 AS {identifier(name)}").description
    assert [column[0] for column in found] == [name]


@pytest.mark.parametrize("table", ["plain.words", 'raw.ev"ents', "ra w.events"])
def test_a_qualified_name_is_quoted_part_by_part(engine, table):
    schema, name = table.split(".")
    run = engine.connection.execute
    run(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
    run(f"CREATE OR REPLACE TABLE {qualified(table)} AS SELECT 1 AS a")
    assert run(f"FROM {qualified(table)}").fetchall() == [(1,)]
    run(f"DROP TABLE {qualified(table)}")
    found = run("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [name]).fetchall()
    assert found == []
