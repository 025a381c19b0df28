"""Runs a model on rows given in place of its parents.

Columns that a test leaves out are null, inputs that it leaves out are empty. What a test gives is
cast to the types of the table it stands for, so text in ISO 8601 does for dates and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from lakehouse.compile import Statement, stored
from lakehouse.declare import parameters
from lakehouse.dialects import to_sql
from lakehouse.engines.sql import columns, quoted, typed
from lakehouse.errors import UnknownNameError
from lakehouse.project import Project
from lakehouse.raw import landed
from lakehouse.testing.sandbox import DuckDBSandbox, Rows, Sandbox


class RunModel:
    """Runs models on rows given in place of their parents, in memory unless told where."""

    def __init__(
        self, load: Callable[[], Project], sandbox: Callable[[], Sandbox] = DuckDBSandbox
    ) -> None:
        self.project = cache(load)
        self.sandbox = cache(sandbox)
        self._statement = cache(self.statement)
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
        return self.rows(self._statement(model), names)

    def fill(self, name: str, given: Any) -> None:
        """Let rows stand for a parent."""
        schema = self.schema(name)
        rows = _arrow(given)
        require_known(rows.column_names, tuple(schema), f"column of {name}")
        self.sandbox().fill(name, schema, rows)

    def statement(self, model: Callable[..., ir.Table]) -> Statement:
        """A model as the sandbox's engine runs it."""
        expression = self.expression(model)
        sql = to_sql(expression, self.sandbox().dialect)
        return Statement(sql, stored(expression.schema()))

    def rows(self, statement: Statement, names: Iterable[str]) -> Rows:
        """The rows of a statement over tables that were filled, sorted."""
        sandbox = self.sandbox()
        given = [f"{quoted(name)} AS (SELECT * FROM {sandbox.relation(name)})" for name in names]
        rows = typed(statement.sql, statement.schema, sandbox.dialect)
        order = ", ".join(str(place + 1) for place in range(len(statement.schema)))
        return sandbox.rows(
            f"WITH {', '.join(given)} SELECT {columns(statement.schema)} FROM ({rows}) AS found"
            f" ORDER BY {order}"
        )

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
