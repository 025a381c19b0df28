"""A pytest plugin: run a model on a few rows.

Put `pytest_plugins = ["lakehouse.testing"]` into `conftest.py`. Then:

    def test_a_total(run_model):
        rows = run_model(daily_totals, orders=[{"day": "2024-03-15", "amount": 3}])
        assert rows[0]["total"] == 3

Columns that a test leaves out are null, inputs that it leaves out are empty. What a test gives is
cast to the types of the table it stands for, so text in ISO 8601 does for dates and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from lakehouse import config, project
from lakehouse.compile import stored, to_sql
from lakehouse.declare import parameters
from lakehouse.engines.sql import columns, quoted, typed
from lakehouse.errors import UnknownNameError
from lakehouse.raw import landed

if TYPE_CHECKING:
    import duckdb

_DIALECT = "duckdb"
_GIVEN = "_given"
Rows = list[dict[str, Any]]


class RunModel:
    """Runs models on rows given in place of their parents."""

    def __init__(self, load: Callable[[], project.Project]) -> None:
        self._project = cache(load)
        self._connection = cache(_connection)
        self._statement = cache(self._compiled)
        self.schema = cache(self._schema_of)

    def __call__(self, model: Callable[..., ir.Table], **inputs: Any) -> Rows:
        """The rows of `model`, sorted by their columns from left to right.

        `inputs` are its parents by name: lists of dicts, dicts of lists, data frames, Arrow
        tables or Ibis tables. Raises UnknownNameError for an input or column that is none.
        """
        names = parameters(model)
        _require_known(inputs, names, f"input of {model.__name__}")
        for name in names:
            self._fill(name, inputs.get(name))
        found = self._connection().execute(self._statement(model)).to_arrow_table()
        return [dict(row) for row in found.to_pylist()]

    def _fill(self, name: str, given: Any) -> None:
        """Make a table of what stands for a parent."""
        schema = self.schema(name)
        rows = _arrow(given)
        _require_known(rows.column_names, tuple(schema), f"column of {name}")
        chosen = ", ".join(
            quoted(column) if column in rows.column_names else f"NULL AS {quoted(column)}"
            for column in schema
        )
        connection = self._connection()
        source = quoted(_GIVEN) if rows.column_names else "range(0)"
        if rows.column_names:
            connection.register(_GIVEN, rows)
        cast = typed(f"SELECT {chosen} FROM {source}", schema, _DIALECT)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {cast}")

    def _compiled(self, model: Callable[..., ir.Table]) -> str:
        expression = self.expression(model)
        schema = stored(expression.schema())
        statement = typed(to_sql(expression, _DIALECT), schema, _DIALECT)
        return f"SELECT {columns(schema)} FROM ({statement}) ORDER BY ALL"

    def expression(self, model: Callable[..., ir.Table]) -> ir.Table:
        """A model over unbound tables: its parents, as the project builds them."""
        return model(
            **{name: ibis.table(self.schema(name), name=name) for name in parameters(model)}
        )

    def _schema_of(self, name: str) -> ibis.Schema:
        """The columns of a table of the project."""
        known = self._project()
        if name in known.ingestions:
            return landed(known.ingestions[name])
        _require_known([name], tuple(known.tables), "table")
        return stored(self.expression(known.models[name].function).schema())


@pytest.fixture(scope="session")
def run_model(pytestconfig: pytest.Config) -> RunModel:
    """Runs a model on a few rows: `run_model(model, parent=[{...}])` gives its rows."""
    return RunModel(lambda: project.load(config.load(pytestconfig.rootpath)))


def _connection() -> duckdb.DuckDBPyConnection:
    """A database in memory that knows the functions models use."""
    from lakehouse.engines.duckdb import connect

    return connect(extensions=("icu",)).connection


def _arrow(given: Any) -> pa.Table:
    if given is None:
        return pa.table({})
    if isinstance(given, ir.Table):
        return given.to_pyarrow()
    if hasattr(given, "__arrow_c_stream__") or isinstance(given, Mapping):
        return pa.table(given)
    rows = list(given)
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def _require_known(names: Iterable[str], known: tuple[str, ...], what: str) -> None:
    for name in names:
        if name not in known:
            close = get_close_matches(name, known) or known
            raise UnknownNameError(
                f"{name!r} is no {what}", hint=f"did you mean {', '.join(map(repr, close))}?"
            )
