"""Runs a model on rows given in place of its parents, in a DuckDB in memory.

Columns that a test leaves out are null, inputs that it leaves out are empty. What a test gives is
cast to the types of the table it stands for, so text in ISO 8601 does for dates and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from lakehouse.compile import stored, to_sql
from lakehouse.declare import parameters
from lakehouse.engines.sql import columns, quoted, typed
from lakehouse.errors import UnknownNameError
from lakehouse.project import Project
from lakehouse.raw import landed

if TYPE_CHECKING:
    import duckdb

DIALECT = "duckdb"
_GIVEN = "_given"
Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[Row]


class RunModel:
    """Runs models on rows given in place of their parents."""

    def __init__(self, load: Callable[[], Project]) -> None:
        self.project = cache(load)
        self.connection = cache(_connection)
        self._statement = cache(self._compiled)
        self.schema = cache(self._schema_of)

    def __call__(self, model: Callable[..., ir.Table], **inputs: Any) -> Rows:
        """The rows of `model`, sorted by their columns from left to right.

        `inputs` are its parents by name: lists of dicts, dicts of lists, data frames, Arrow
        tables or Ibis tables. Raises UnknownNameError for an input or column that is none.
        """
        names = parameters(model)
        require_known(inputs, names, f"input of {model.__name__}")
        for name in names:
            self.fill(name, inputs.get(name))
        found = self.connection().execute(self._statement(model)).to_arrow_table()
        return [dict(row) for row in found.to_pylist()]

    def fill(self, name: str, given: Any) -> None:
        """Make a temporary table of what stands for a parent."""
        schema = self.schema(name)
        rows = _arrow(given)
        require_known(rows.column_names, tuple(schema), f"column of {name}")
        chosen = ", ".join(
            quoted(column) if column in rows.column_names else f"NULL AS {quoted(column)}"
            for column in schema
        )
        connection = self.connection()
        source = quoted(_GIVEN) if rows.column_names else "range(0)"
        if rows.column_names:
            connection.register(_GIVEN, rows)
        cast = typed(f"SELECT {chosen} FROM {source}", schema, DIALECT)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {cast}")

    def _compiled(self, model: Callable[..., ir.Table]) -> str:
        expression = self.expression(model)
        schema = stored(expression.schema())
        statement = typed(to_sql(expression, DIALECT), schema, DIALECT)
        return f"SELECT {columns(schema)} FROM ({statement}) ORDER BY ALL"

    def expression(self, model: Callable[..., ir.Table]) -> ir.Table:
        """A model over unbound tables: its parents, as the project builds them."""
        return model(
            **{name: ibis.table(self.schema(name), name=name) for name in parameters(model)}
        )

    def _schema_of(self, name: str) -> ibis.Schema:
        """The columns of a table of the project."""
        known = self.project()
        if name in known.ingestions:
            return landed(known.ingestions[name])
        require_known([name], tuple(known.tables), "table")
        return stored(self.expression(known.models[name].function).schema())


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


def require_known(names: Iterable[str], known: tuple[str, ...], what: str) -> None:
    """Raises UnknownNameError for a name that is not among those known."""
    for name in names:
        if name not in known:
            close = get_close_matches(name, known) or known
            raise UnknownNameError(
                f"{name!r} is no {what}", hint=f"did you mean {', '.join(map(repr, close))}?"
            )
