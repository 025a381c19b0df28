"""Execution of a model on rows that stand for its parents.

Columns that a test leaves out are null, inputs that it leaves out are empty. Values are cast to the
types of the table that they stand for, so dates and times can be given as ISO 8601 text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from lakehouse.compile.compiler import Statement, stored
from lakehouse.declare.copies import stored_columns
from lakehouse.declare.project import Project
from lakehouse.declare.raw_columns import landed
from lakehouse.declare.specs import parameters
from lakehouse.engines.sql import columns, identifier, typed
from lakehouse.errors import UnknownNameError
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.testing.sandbox import DuckDBSandbox, Rows, Sandbox


class RunModel:
    """Runs models on rows that stand for their parents, by default in a DuckDB in memory."""

    def __init__(
        self, load: Callable[[], Project], sandbox: Callable[[], Sandbox] = DuckDBSandbox
    ) -> None:
        self.project = cache(load)
        self.sandbox = cache(sandbox)
        self._statement = cache(self.statement)
        self.schema = cache(self._schema_of)

    def __call__(self, model: Callable[..., ir.Table] | str, **inputs: Any) -> Rows:
        """Return the rows of `model`, sorted by their columns from left to right.

        A model in SQL goes by the name of its table. `inputs` are its parents by name: lists of
        dicts, dicts of lists, data frames, Arrow tables or Ibis tables. Raises UnknownNameError for
        an unknown input or column.
        """
        model = self.function(model)
        names = parameters(model)
        require_known(inputs, names, f"input of {model.__name__}")
        for name in names:
            self.fill(name, inputs.get(name))
        return self.rows(self._statement(model), names)

    def function(self, model: Callable[..., ir.Table] | str) -> Callable[..., ir.Table]:
        """Return the function of a model that is given by itself or by the name of its table."""
        if not isinstance(model, str):
            return model
        models = self.project().models
        known = {**{spec.table: spec for spec in models.values()}, **models}
        require_known([model], tuple(known), "model")
        return known[model].function

    def fill(self, name: str, rows: Any) -> None:
        """Let rows, in any form that `__call__` takes, stand for a parent."""
        schema = self.schema(name)
        table = _arrow(rows)
        require_known(table.column_names, tuple(schema), f"column of {name}")
        self.sandbox().fill(name, schema, table)

    def statement(self, model: Callable[..., ir.Table]) -> Statement:
        """Return the statement of a model in the SQL of the sandbox's engine."""
        expression = self.expression(model)
        sql = to_sql(expression, self.sandbox().dialect)
        return Statement(sql, stored(expression.schema()))

    def rows(self, statement: Statement, names: Iterable[str]) -> Rows:
        """Return the sorted rows of a statement over the filled tables `names`."""
        sandbox = self.sandbox()
        inputs = [
            f"{identifier(name)} AS (SELECT * FROM {sandbox.relation(name)})" for name in names
        ]
        rows = typed(statement.sql, statement.schema, sandbox.dialect)
        order = ", ".join(str(place + 1) for place in range(len(statement.schema)))
        ctes = f"WITH {', '.join(inputs)} " if inputs else ""
        return sandbox.rows(
            f"{ctes}SELECT {columns(statement.schema)} FROM ({rows}) AS found ORDER BY {order}"
        )

    def expression(self, model: Callable[..., ir.Table]) -> ir.Table:
        """Return the expression of a model over unbound tables with its parents' columns."""
        return model(
            **{name: ibis.table(self.schema(name), name=name) for name in parameters(model)}
        )

    def _schema_of(self, name: str) -> ibis.Schema:
        """Return the columns of a table of the project. Raises UnknownNameError."""
        project = self.project()
        if name in project.ingestions:
            return landed(project.ingestions[name])
        if name in project.copies:
            return stored_columns(project.copies[name])
        require_known([name], tuple(project.tables), "table")
        return stored(self.expression(project.models[name].function).schema())


def _arrow(rows: Any) -> pa.Table:
    """Return rows of any supported form as an Arrow table; None is an empty one."""
    if rows is None:
        return pa.table({})
    if isinstance(rows, ir.Table):
        return rows.to_pyarrow()
    if hasattr(rows, "__arrow_c_stream__") or isinstance(rows, Mapping):
        return pa.table(rows)
    dicts = list(rows)
    names = dict.fromkeys(name for row in dicts for name in row)
    return pa.table({name: [row.get(name) for row in dicts] for name in names})


def require_known(names: Iterable[str], known: tuple[str, ...], what: str) -> None:
    """Raise UnknownNameError for a name that is not known; `what` says what it should name."""
    for name in names:
        if name not in known:
            close = get_close_matches(name, known) or known
            raise UnknownNameError(
                f"{name!r} is no {what}", hint=f"did you mean {', '.join(map(repr, close))}?"
            )
