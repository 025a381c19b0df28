"""Models in SQL give the same rows on DuckDB and on Trino, unless the lint tells of a difference."""

import duckdb
import ibis
import pytest
from sql_queries import QUERIES, ROWS, TABLES

from lakehouse import config
from lakehouse.compile.compiler import Statement, stored
from lakehouse.declare.project import Project
from lakehouse.engines.duckdb_connection import load_extension
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.portability.traps import TRAPS
from lakehouse.portability.undefined import undefined
from lakehouse.sql_models.parsed import parse
from lakehouse.sql_models.select import expression
from lakehouse.testing.differences import differences, shown
from lakehouse.testing.runner import RunModel
from lakehouse.testing.trino_sandbox import TrinoSandbox

KEYS = {"orders": frozenset({frozenset({"id"})})}


@pytest.fixture(scope="module")
def engines(stack):
    """Runs statements over the two tables on DuckDB, and on Trino."""
    sandbox = TrinoSandbox(config.load(None, stack))
    engines = RunModel(Project), RunModel(Project, lambda: sandbox)
    with duckdb.connect() as connection:
        load_extension(connection, "icu")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(ROWS)
        for name, columns in TABLES.items():
            rows = connection.execute(f"FROM main.{name}").to_arrow_table()
            for run_model in engines:
                run_model.sandbox().fill(name, ibis.schema(columns), rows)
    yield engines
    sandbox.close()


@pytest.mark.parametrize("query", QUERIES)
def test_sql_is_the_same(engines, query):
    text, made = parse("query.sql", query), []
    tables = {table: ibis.table(TABLES[table.name], name=table.name) for table in text.tables()}
    selected = expression(text, tables, lambda node, line: made.append(node) if line else None)
    if any(_is_trap(node) for node in made):
        pytest.skip("`check --portable` tells of a difference")
    found = [
        run_model.rows(
            Statement(to_sql(selected, run_model.sandbox().dialect), stored(selected.schema())),
            {table.name for table in tables},
        )
        for run_model in engines
    ]
    missing, extra = differences(*found)
    assert not missing, "\n".join([*shown(missing), "and:", *shown(extra)])


def _is_trap(node):
    return any(rule.finds(node, KEYS) for rule in TRAPS) or any(
        undefined(type(node), ["duckdb", "trino"])
    )
