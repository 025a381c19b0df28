"""The compiling reading of the DAG: what every model is, before anything runs.

Every model is called once on unbound Ibis tables. What comes back says the columns of its table,
and its SQL, which is both what an engine runs and what the fingerprint is taken of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from lakehouse import dag
from lakehouse.dag import Step
from lakehouse.declare import Incremental, ModelSpec, QualitySpec, View
from lakehouse.errors import ProjectError

if TYPE_CHECKING:
    from lakehouse.project import Project

FINGERPRINT_DIALECT = "duckdb"
"""Fingerprints are taken of one dialect, so that engines agree on what changed."""


@dataclass(frozen=True)
class CompiledModel:
    """A model as data."""

    spec: ModelSpec
    expression: ir.Table = field(repr=False)
    schema: ibis.Schema
    """The columns of the table, as stored."""
    fingerprint: str
    """The same in every process for the same code, however it is formatted."""

    def sql(self, dialect: str) -> str:
        """The model as one SELECT over its parameters' names."""
        return to_sql(self.expression, dialect)


@dataclass(frozen=True)
class CompiledCheck:
    """The custom part of a check: the rows that offend, or None if there is no such part."""

    spec: QualitySpec
    offending: ir.Table | None = field(repr=False)


@dataclass(frozen=True)
class Compiled:
    """A project as data."""

    project: Project
    schemas: dict[str, ibis.Schema]
    """The columns of every table, by bare name."""
    models: dict[str, CompiledModel]
    checks: dict[str, CompiledCheck]


def compile_project(project: Project) -> Compiled:
    """Read the DAG for its expressions. Raises ProjectError for a model that cannot be built."""
    reading = _Compile(project)
    dag.read(project, reading)
    return reading.compiled


def to_sql(expression: ir.Table, dialect: str) -> str:
    """The expression as one SELECT in a dialect; tables go by their bare names."""
    return _to_sql(expression.op(), dialect)


@lru_cache(maxsize=4096)
def _to_sql(operation: ops.Relation, dialect: str) -> str:
    # A tenth of a second for a large model, and wanted twice: to know it, and to run it.
    return str(ibis.to_sql(operation.to_expr(), dialect=dialect, pretty=False))


def stored(schema: ibis.Schema) -> ibis.Schema:
    """The columns as tables store them: types that mean the same on every engine."""
    return ibis.schema({name: _stored(kind) for name, kind in schema.items()})


class _Compile:
    """Gives every table node an unbound table, and collects what models make of them."""

    def __init__(self, project: Project) -> None:
        self.compiled = Compiled(project, {}, {}, {})

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> Any:
        if step is Step.MERGE:
            from lakehouse.raw import landed

            return self._unbound(name, landed(self.compiled.project.ingestions[name]))
        if step is Step.MODEL:
            spec = self.compiled.project.models[name]
            expression = _call(spec, function, parents)
            model = self._model(spec, expression)
            self.compiled.models[name] = model
            return self._unbound(name, model.schema)
        if step is Step.CHECK:
            check = self.compiled.project.checks[name]
            own = [parents[each] for each in check.inputs if each in _parameters(check)]
            offending = check.function(*own) if own else None
            self.compiled.checks[name] = CompiledCheck(check, offending)
        return None

    def _unbound(self, name: str, schema: ibis.Schema) -> ir.Table:
        self.compiled.schemas[name] = schema
        return ibis.table(schema, name=name)

    def _model(self, spec: ModelSpec, expression: ir.Table) -> CompiledModel:
        schema = stored(expression.schema())
        column = spec.time_column
        if column is not None and column not in schema:
            raise ProjectError(
                f"{spec.table}: its time column {column!r} is not among its columns",
                hint=f"columns: {', '.join(schema)}",
            )
        views = [
            self.compiled.models[name].fingerprint
            for name in spec.inputs
            if name in self.compiled.models
            and isinstance(self.compiled.project.models[name].kind, View)
        ]
        content = [to_sql(expression, FINGERPRINT_DIALECT), repr(schema), _kind(spec), *views]
        digest = hashlib.sha256("\0".join(content).encode()).hexdigest()
        return CompiledModel(spec, expression, schema, digest[:16])


def _call(spec: ModelSpec, function: Callable[..., Any], parents: Mapping[str, Any]) -> ir.Table:
    expression = function(**parents)
    if not isinstance(expression, ir.Table):
        raise ProjectError(
            f"{spec.table} returned {type(expression).__name__}, not a table",
            hint="a model returns an Ibis table expression",
        )
    return expression


def _kind(spec: ModelSpec) -> str:
    if not isinstance(spec.kind, Incremental):
        return type(spec.kind).__name__
    kind = spec.kind
    return f"{kind.time_column} {kind.grain} {kind.before} {kind.after}"


def _parameters(check: QualitySpec) -> tuple[str, ...]:
    from lakehouse.declare import parameters

    return parameters(check.function)


def _stored(kind: dt.DataType) -> dt.DataType:
    if kind.is_integer():
        wide = kind.nbytes > dt.int32.nbytes or kind.is_unsigned_integer()
        return dt.int64 if wide else dt.int32
    if kind.is_floating():
        return dt.float64
    if kind.is_timestamp():
        return dt.Timestamp(timezone="UTC" if kind.timezone else None, scale=6)
    if kind.is_null():
        return dt.string
    return kind.copy(nullable=True)
