"""The compiling reading of the DAG: what every model and check is, before anything runs.

Every function is called once on unbound Ibis tables. What comes back says the columns of a table,
and its SQL, which is both what an engine runs and what the fingerprint is taken of. From here on
a pipeline is data: text that can be compared, kept and run anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from lakehouse import dag
from lakehouse.checks import Check, FreshnessCheck
from lakehouse.dag import Step
from lakehouse.declare import Incremental, ModelSpec, QualitySpec, View, parameters
from lakehouse.errors import ProjectError
from lakehouse.raw import landed

if TYPE_CHECKING:
    from lakehouse.project import Project

FINGERPRINT_DIALECT = "duckdb"
"""Fingerprints are taken of one dialect, so that engines agree on what changed."""


@dataclass(frozen=True)
class Statement:
    """An expression as one SELECT over the bare names of its tables, and its columns."""

    sql: str = field(repr=False)
    schema: ibis.Schema


@dataclass(frozen=True)
class CompiledModel:
    """What a model is."""

    spec: ModelSpec
    statement: Statement
    fingerprint: str
    """The same in every process for the same code, however it is formatted."""


@dataclass(frozen=True)
class CompiledCheck:
    """What a check asks; None where there is no such part."""

    rules: Statement | None
    """The ready checks as one row, a count of offending rows each."""
    freshness: Statement | None
    """The freshness checks, likewise."""
    offending: Statement | None
    """The rows that the custom function returns."""


@dataclass(frozen=True)
class Compiled:
    """What a project is."""

    project: Project
    schemas: dict[str, ibis.Schema] = field(default_factory=dict)
    """The columns of every table, as stored, by bare name."""
    models: dict[str, CompiledModel] = field(default_factory=dict)
    checks: dict[str, CompiledCheck] = field(default_factory=dict)


def compile_project(project: Project, dialect: str) -> Compiled:
    """Read the DAG for its statements. Raises ProjectError for a model that cannot be built."""
    reading = _Compile(project, dialect)
    dag.read(project, reading)
    return reading.compiled


def to_sql(expression: ir.Table, dialect: str) -> str:
    """The expression as one SELECT in a dialect; tables go by their bare names."""
    operation = expression.op().replace(_name_what_is_kept)
    return str(ibis.to_sql(operation.to_expr(), dialect=dialect, pretty=False))


def _name_what_is_kept(operation: ops.Node, changed: Mapping[str, Any] | None) -> ops.Node:
    """Ibis writes the columns of a `drop` in any order: select the others instead."""
    operation = operation.copy(**changed) if changed else operation
    if not isinstance(operation, ops.DropColumns):
        return operation
    parent = operation.parent
    kept = [name for name in parent.schema if name not in operation.columns_to_drop]
    return ops.Project(parent, {name: ops.Field(parent, name) for name in kept})


def stored(schema: ibis.Schema) -> ibis.Schema:
    """The columns as tables store them: types that mean the same on every engine."""
    return ibis.schema({name: _stored(kind) for name, kind in schema.items()})


def split_checks(checks: Sequence[Check]) -> tuple[list[Check], list[FreshnessCheck]]:
    """The checks that are about rows, and those that are about how fresh a table is."""
    fresh = [check for check in checks if isinstance(check, FreshnessCheck)]
    return [check for check in checks if check not in fresh], fresh


class _Compile:
    """Gives every table node an unbound table, and collects what functions make of them."""

    def __init__(self, project: Project, dialect: str) -> None:
        self.project, self.dialect = project, dialect
        self.compiled = Compiled(project)

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> Any:
        if step is Step.MERGE:
            return self._unbound(name, landed(self.project.ingestions[name]))
        if step is Step.MODEL:
            spec = self.project.models[name]
            model = self._model(spec, _call(spec, function, parents))
            self.compiled.models[name] = model
            return self._unbound(name, model.statement.schema)
        if step is Step.CHECK:
            self.compiled.checks[name] = self._check(self.project.checks[name], parents)
        return None

    def _unbound(self, name: str, schema: ibis.Schema) -> ir.Table:
        self.compiled.schemas[name] = schema
        return ibis.table(schema, name=name)

    def _statement(self, expression: ir.Table) -> Statement:
        return Statement(to_sql(expression, self.dialect), stored(expression.schema()))

    def _model(self, spec: ModelSpec, expression: ir.Table) -> CompiledModel:
        statement = self._statement(expression)
        schema, column = statement.schema, spec.time_column
        if column is not None and column not in schema:
            raise ProjectError(
                f"{spec.table}: its time column {column!r} is not among its columns",
                hint=f"columns: {', '.join(schema)}",
            )
        _require_key(spec, schema)
        views = [
            self.compiled.models[name].fingerprint
            for name in spec.inputs
            if name in self.project.models and isinstance(self.project.models[name].kind, View)
        ]
        sql = statement.sql
        if self.dialect != FINGERPRINT_DIALECT:
            sql = to_sql(expression, FINGERPRINT_DIALECT)
        content = [sql, repr(schema), _kind(spec), *views]
        digest = hashlib.sha256("\0".join(content).encode()).hexdigest()
        return CompiledModel(spec, statement, digest[:16])

    def _check(self, spec: QualitySpec, parents: Mapping[str, Any]) -> CompiledCheck:
        table = parents[spec.inputs[0]]
        given = {name: parents[name] for name in parameters(spec.function)}
        offending = spec.function(**given) if given else None
        rules, fresh = split_checks(spec.checks)
        return CompiledCheck(
            rules=self._counts(spec, table, rules),
            freshness=self._counts(spec, table, fresh),
            offending=None if offending is None else self._statement(offending),
        )

    def _counts(
        self, spec: QualitySpec, table: ir.Table, checks: Sequence[Check]
    ) -> Statement | None:
        for check in checks:
            unknown = [name for name in check.columns_used if name not in table.columns]
            if unknown:
                raise ProjectError(
                    f"{spec.name} checks {spec.table}.{unknown[0]}, which is no column of it",
                    hint=f"columns: {', '.join(table.columns)}",
                )
        if not checks:
            return None
        counts = {f"c{i}": check.failures(table) for i, check in enumerate(checks)}
        return self._statement(table.aggregate(**counts))


def _call(spec: ModelSpec, function: Callable[..., Any], parents: Mapping[str, Any]) -> ir.Table:
    expression = function(**parents)
    if not isinstance(expression, ir.Table):
        raise ProjectError(
            f"{spec.table} returned {type(expression).__name__}, not a table",
            hint="a model returns an Ibis table expression",
        )
    return expression


def _require_key(spec: ModelSpec, schema: ibis.Schema) -> None:
    for name in spec.key:
        if name not in schema:
            raise ProjectError(
                f"{spec.table}: {name!r} of its key is not among its columns",
                hint=f"columns: {', '.join(schema)}",
            )
        if not (schema[name].is_string() or schema[name].is_integer()):
            raise ProjectError(
                f"{spec.table}: {name!r} of its key is a {schema[name]}",
                hint="a key is text or a whole number; windows of time go by `time_column`",
            )


def _kind(spec: ModelSpec) -> str:
    if not isinstance(spec.kind, Incremental):
        return " ".join([type(spec.kind).__name__, *spec.key])
    kind = spec.kind
    return " ".join(map(str, (kind.time_column, kind.grain, kind.before, kind.after, *spec.key)))


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
