"""The code of tables: Python or SQL as it was written, and the SQL of both engines."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ibis

from lakehouse.compile import dag
from lakehouse.compile.dag import Step
from lakehouse.declare import sql_files
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.project_code import place_of
from lakehouse.errors import LakehouseError
from lakehouse.patches.ibis_dialects import to_sql

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from lakehouse.compile.compiler import Compiled

DIALECTS = {"duckdb": "DuckDB", "trino": "Trino"}


class Code:
    """The code of a project's tables, looked up when it is asked for."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled

    def fingerprint(self, name: str) -> str:
        """Return a text that changes with the code of a table."""
        model = self._compiled.models.get(name)
        return "\0".join(
            [self._place(name), self._written(name), model.fingerprint if model else ""]
        )

    def parts(self, name: str) -> list[tuple[str, str]]:
        """Return the code of a table: titles with texts."""
        parts = [(self._place(name), self._written(name))]
        if name in self._compiled.models:
            parts += [(f"SQL of {title}", self._sql(name, d)) for d, title in DIALECTS.items()]
        return [(title, text) for title, text in parts if text]

    def _place(self, name: str) -> str:
        spec = self._compiled.project.tables[name]
        return spec.place if isinstance(spec, CopySpec) else place_of(spec.function)

    def _written(self, name: str) -> str:
        spec = self._compiled.project.tables[name]
        if isinstance(spec, CopySpec):
            return ""
        sql = sql_files.sql_of(spec.function)
        if sql is not None:
            return str(sql.text.text)
        with suppress(OSError, TypeError):
            return inspect.cleandoc("\n" + inspect.getsource(inspect.unwrap(spec.function)))
        return ""

    def _sql(self, name: str, dialect: str) -> str:
        expression = self._expressions.get(name)
        if expression is None:
            return ""
        try:
            return to_sql(expression, dialect, pretty=True)
        except Exception as error:  # noqa: BLE001 - a table that one engine cannot build is still shown
            return f"-- this engine has no words for it: {type(error).__name__}"

    @cached_property
    def _expressions(self) -> Mapping[str, ir.Table]:
        collector = _Collector(self._compiled)
        with suppress(LakehouseError):
            dag.visit(self._compiled.project, collector)
        return collector.expressions


class _Collector:
    """Visitor that calls each model with unbound tables, and keeps what it returns."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self.expressions: dict[str, ir.Table] = {}

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> Any:
        if step is Step.MODEL:
            self.expressions[name] = function(**parents)
        if name not in self._compiled.schemas:
            return None
        return ibis.table(self._compiled.schemas[name], name=name)
