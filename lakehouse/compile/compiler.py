"""The visitor that compiles the DAG: every model and check to SQL, before anything runs.

Each function is called once, with unbound Ibis tables, and returns an Ibis expression. The
expression gives the columns of the table and its SQL, which engines run and fingerprints are hashed
from. After this a pipeline is data: text that can be compared, cached and run anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
from ibis.common.exceptions import OperationNotDefinedError

from lakehouse.checks import Rule
from lakehouse.compile import dag, postgres_view
from lakehouse.compile.columns import (
    columns_of_copy,
    require_columns_of_model,
    require_key,
    told_of,
)
from lakehouse.compile.dag import Step
from lakehouse.compile.foreign_parts import require_inputs
from lakehouse.compile.postgres_types import require_publishable
from lakehouse.compile.quarantine_reasons import quarantine_reasons
from lakehouse.compile.translations import Translations, Translator
from lakehouse.declare import column_types
from lakehouse.declare.kinds import Incremental
from lakehouse.declare.project_code import place_of, placed
from lakehouse.declare.raw_columns import landed
from lakehouse.declare.specs import ModelSpec, QualitySpec, parameters, uses_parameters
from lakehouse.errors import ProjectError, choices
from lakehouse.system.garbage import paused

if TYPE_CHECKING:
    from lakehouse.declare.project import Project

FINGERPRINT_DIALECT = "duckdb"
"""Dialect of the SQL that fingerprints hash, whatever the engine: all agree on what changed."""


@dataclass(frozen=True)
class Statement:
    """An expression as one SELECT over bare table names, with the columns that it returns."""

    sql: str = field(repr=False)
    schema: ibis.Schema
    expression: str = field(default="", repr=False, compare=False)
    """Digest of the expression, while it is compiled; empty for one that has none."""


@dataclass(frozen=True)
class CompiledModel:
    """A model as SQL."""

    spec: ModelSpec
    statement: Statement
    fingerprint: str
    """Hash of what the model computes, 16 characters: equal for equal code, however formatted."""
    postgres_view: str | None = None
    """The SELECT of a view that is published, in the SQL of Postgres; None for any other model."""


@dataclass(frozen=True)
class CompiledCheck:
    """The offending rows of each part of a `@quality`; None where there are none to show."""

    rules: tuple[Statement | None, ...]
    """The offending rows of each ready check."""
    function: Statement | None
    """The rows that the function of the `@quality` returns."""


@dataclass(frozen=True)
class Compiled:
    """A compiled project: the columns and the SQL of everything it declares."""

    project: Project
    schemas: dict[str, ibis.Schema] = field(default_factory=dict)
    """The columns of every table, with the types it is stored with, by bare name."""
    models: dict[str, CompiledModel] = field(default_factory=dict)
    checks: dict[str, CompiledCheck] = field(default_factory=dict)
    counts: dict[str, Statement] = field(default_factory=dict)
    """For each table, a SELECT of one row: how many rows it has, and how many fail each check."""
    suspects: dict[str, Statement] = field(default_factory=dict)
    """Cheap upper bounds of failures, tried first on large tables, by their column in `counts`."""
    quarantine_reasons: dict[str, str] = field(default_factory=dict)
    """The SELECT that adds their reasons to the rows of each ingestion."""
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files that the code imported and read while it was compiled, by path."""


def compile_project(
    project: Project, dialect: str, translator: Translator | None = None
) -> Compiled:
    """Compile every model and check. Raises ProjectError for one that cannot be compiled."""
    compiler = _Compiler(project, dialect, translator or Translations())
    with paused():
        dag.visit(project, compiler)
        compiler.count()
    return compiler.compiled


def stored(schema: ibis.Schema) -> ibis.Schema:
    """The columns with the types that tables store: those that mean the same on every engine."""
    return ibis.schema({name: column_types.stored(kind) for name, kind in schema.items()})


ROWS = "rows"
"""Name of the column of `counts` that holds the number of rows that were checked."""


def count_of(spec: QualitySpec, place: int, count: str = "failures") -> str:
    """The name of the column of `counts` for the ready check number `place` of a `@quality`.

    `count` is 'failures', or 'rows' for the number of rows that a check with `where` selects.
    """
    return f"{spec.name}.{place}.{count}"


class _Compiler:
    """Visitor that calls each function with unbound tables, and collects the SQL of its result."""

    def __init__(self, project: Project, dialect: str, translator: Translator) -> None:
        self.project, self.dialect, self.translate = project, dialect, translator.translate
        self.compiled = Compiled(project)

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> Any:
        if step is Step.MERGE:
            ingestion = self.project.ingestions[name]
            self.compiled.quarantine_reasons[name] = quarantine_reasons(ingestion)
            return self._unbound(name, landed(ingestion))
        if step is Step.COPY:
            return self._unbound(name, columns_of_copy(self.project.copies[name]))
        if step is Step.MODEL:
            spec = self.project.models[name]
            expression = _call(spec, function, parents)
            with placed(f"{spec.table} cannot be compiled", spec.function):
                model = self._model(spec, expression)
            self.compiled.models[name] = model
            return self._unbound(name, model.statement.schema)
        if step is Step.CHECK:
            self.compiled.checks[name] = self._check(self.project.checks[name], parents)
        return None

    def _unbound(self, name: str, schema: ibis.Schema) -> ir.Table:
        self.compiled.schemas[name] = schema
        return ibis.table(schema, name=name)

    def _statement(self, expression: ir.Table) -> Statement:
        sql, digest = self.translate(expression, self.dialect)
        return Statement(sql, stored(expression.schema()), digest)

    def _model(self, spec: ModelSpec, expression: ir.Table) -> CompiledModel:
        statement = self._statement(expression)
        schema, column = statement.schema, spec.time_column
        with told_of(spec.table, spec.function):
            require_columns_of_model(spec, expression.schema())
        if column is not None and column not in schema:
            raise ProjectError(
                f"{spec.table}: its time column {column!r} is not among its columns",
                hint=choices("columns", column, schema),
                place=place_of(spec.function),
            )
        require_key(spec, schema)
        if spec.name in self.project.published:
            require_publishable(spec.table, schema)
        views = [
            self.compiled.models[name].fingerprint
            for name in spec.inputs
            if name in self.project.models and self.project.models[name].is_view
        ]
        sql = statement.sql
        if self.dialect != FINGERPRINT_DIALECT:
            sql = self.translate(expression, FINGERPRINT_DIALECT).sql
        content = [sql, repr(schema), kind_of(spec), *views]
        digest = hashlib.sha256("\0".join(content).encode()).hexdigest()
        is_published_view = spec.is_view and spec.name in self.project.published
        view = postgres_view.select(self.project, spec, expression) if is_published_view else None
        return CompiledModel(spec, statement, digest[:16], view)

    def _check(self, spec: QualitySpec, parents: Mapping[str, Any]) -> CompiledCheck:
        table = parents[spec.inputs[0]]
        inputs = {name: parents[name] for name in parameters(spec.function)}
        others = {self.project.tables[name].table: parents[name] for name in spec.inputs}
        offending_rows = []
        for rule in spec.checks:
            with placed(_part(spec, rule.label), spec.function):
                problem = rule.problem(table)
                if problem:
                    raise ProjectError(
                        f"{_part(spec, rule.label)}: {problem}",
                        hint=_hint_of(rule, table),
                        place=place_of(spec.function),
                    )
                rows = rule.offending(table, others)
                offending_rows.append(rows if rows is None else self._statement(rows))
        with placed(_part(spec, "its function"), spec.function):
            offending = spec.function(**inputs) if inputs else None
            is_empty = offending is None and not uses_parameters(spec.function)
            function = None if is_empty else self._offending(spec, offending, inputs)
        return CompiledCheck(tuple(offending_rows), function)

    def _offending(self, spec: QualitySpec, offending: Any, inputs: Mapping[str, Any]) -> Statement:
        if not isinstance(offending, ir.Table):
            raise ProjectError(
                f"{_part(spec, 'its function')} returned {_noun(offending)}, not a table",
                hint="a check returns the offending rows, such as `table.filter(…)`",
                place=place_of(spec.function),
            )
        require_inputs(_part(spec, "its function"), spec.function, offending, inputs)
        return self._statement(offending)

    def count(self) -> None:
        """Compile all ready checks of each table, from every `@quality`, into one aggregate."""
        for name in self.project.tables:
            table = ibis.table(self.compiled.schemas[name], name=name)
            counts: dict[str, ir.IntegerScalar] = {}
            for spec in self.project.checks_of(name):
                for place, rule in enumerate(spec.checks):
                    with placed(_part(spec, rule.label), spec.function):
                        counts |= self._counts(spec, place, rule, table)
            if counts:
                aggregate = table.aggregate(**{ROWS: table.count()}, **counts)
                self.compiled.counts[name] = self._statement(aggregate)

    def _counts(
        self, spec: QualitySpec, place: int, rule: Rule, table: ir.Table
    ) -> dict[str, ir.IntegerScalar]:
        failures, suspects = rule.failures(table), rule.suspects(table)
        if failures is None:
            return {}
        name = count_of(spec, place)
        if suspects is not None and self._is_supported(suspects):
            count = suspects.aggregate(**{ROWS: suspects.count()})
            self.compiled.suspects[name] = self._statement(count)
        counts = {name: failures}
        if rule.where is not None:
            counts[count_of(spec, place, ROWS)] = table.count(where=rule.among(table))
        return counts

    def _is_supported(self, expression: ir.Table) -> bool:
        """Return whether the dialect has all operations of an expression."""
        try:
            self.translate(expression, self.dialect)
        except OperationNotDefinedError:
            return False
        return True


def _part(spec: QualitySpec, part: str) -> str:
    return f"{spec.name} checks {spec.table}: {part}"


def _hint_of(rule: Rule, table: ir.Table) -> str:
    unknown = next((name for name in rule.columns_used if name not in table.columns), "")
    return choices("columns", unknown, table.columns)


def _call(spec: ModelSpec, function: Callable[..., Any], parents: Mapping[str, Any]) -> ir.Table:
    with placed(f"{spec.table} cannot be compiled", spec.function):
        expression = function(**parents)
    if not isinstance(expression, ir.Table):
        raise ProjectError(
            f"{spec.table} returned {_noun(expression)}, not a table",
            hint="a model ends with `return` and an Ibis table, such as `return table.select(…)`",
            place=place_of(spec.function),
        )
    require_inputs(spec.table, spec.function, expression, parents)
    return expression


def _noun(returned: Any) -> str:
    """What a function returned, in a word: types say more than values."""
    return "nothing" if returned is None else type(returned).__name__


def kind_of(spec: ModelSpec) -> str:
    """Return the kind of a model with all that it says, as text."""
    if not isinstance(spec.kind, Incremental):
        return " ".join([type(spec.kind).__name__, *spec.key])
    kind = spec.kind
    return " ".join(map(str, (kind.time_column, kind.grain, kind.before, kind.after, *spec.key)))
