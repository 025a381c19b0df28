"""The compiling reading of the DAG: what every model and check is, before anything runs.

Every function is called once on unbound Ibis tables. What comes back says the columns of a table,
and its SQL, which is both what an engine runs and what the fingerprint is taken of. From here on
a pipeline is data: text that can be compared, kept and run anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from ibis.common.exceptions import OperationNotDefinedError

from lakehouse import dag
from lakehouse.checks import Rule
from lakehouse.dag import Step
from lakehouse.declare import Incremental, IngestionSpec, ModelSpec, QualitySpec, View, parameters
from lakehouse.dialects import to_sql
from lakehouse.errors import ProjectError
from lakehouse.judgement import judged
from lakehouse.raw import landed

if TYPE_CHECKING:
    from lakehouse.project import Project

FINGERPRINT_DIALECT = "duckdb"
"""Fingerprints are taken of one dialect, so that engines agree on what changed."""
LANDING_DIALECT = "duckdb"
"""DuckDB validates what is fetched, whatever the engine is."""


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
    """The offending rows of each part of a `@quality`; None where there are none to show."""

    rules: tuple[Statement | None, ...]
    """Of each ready check."""
    function: Statement | None
    """What the function returns."""


@dataclass(frozen=True)
class Compiled:
    """What a project is."""

    project: Project
    schemas: dict[str, ibis.Schema] = field(default_factory=dict)
    """The columns of every table, as stored, by bare name."""
    models: dict[str, CompiledModel] = field(default_factory=dict)
    checks: dict[str, CompiledCheck] = field(default_factory=dict)
    counts: dict[str, Statement] = field(default_factory=dict)
    """The ready checks of each table as one row: how many rows there are, and how many offend."""
    suspects: dict[str, Statement] = field(default_factory=dict)
    """By their column in `counts`, what is faster to count of many rows, and never fewer."""
    judgements: dict[str, str] = field(default_factory=dict)
    """The SELECT that judges the rows of each ingestion."""
    files: dict[str, str] = field(default_factory=dict)
    """The digests of files that the project's code read for it, by path, if that is known."""


def compile_project(project: Project, dialect: str) -> Compiled:
    """Read the DAG for its statements. Raises ProjectError for a model that cannot be built."""
    reading = _Compile(project, dialect)
    dag.read(project, reading)
    reading.count()
    return reading.compiled


def judgement(spec: IngestionSpec) -> str:
    """The SELECT that adds reasons to the cast rows of an ingestion."""
    try:
        return to_sql(judged(spec), LANDING_DIALECT)
    except ProjectError as error:
        raise ProjectError(f"{spec.table}: {error.message}", hint=error.hint) from None


def stored(schema: ibis.Schema) -> ibis.Schema:
    """The columns as tables store them: types that mean the same on every engine."""
    return ibis.schema({name: _stored(kind) for name, kind in schema.items()})


ROWS = "rows"
"""The column of a table's counts that says how many rows were looked at."""


def count_of(spec: QualitySpec, place: int, what: str = "failures") -> str:
    """The column of a table's counts for the ready check at a place of a `@quality`.

    `what` is 'failures', or, where the check looks at some rows only, 'rows'.
    """
    return f"{spec.name}.{place}.{what}"


class _Compile:
    """Gives every table node an unbound table, and collects what functions make of them."""

    def __init__(self, project: Project, dialect: str) -> None:
        self.project, self.dialect = project, dialect
        self.compiled = Compiled(project)

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> Any:
        if step is Step.MERGE:
            ingestion = self.project.ingestions[name]
            self.compiled.judgements[name] = judgement(ingestion)
            return self._unbound(name, landed(ingestion))
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
        others = {self.project.tables[name].table: parents[name] for name in spec.inputs}
        rules = []
        for rule in spec.checks:
            with _explained(spec, rule.label):
                complaint = rule.complaint(table)
                if complaint:
                    raise ProjectError(
                        f"{_what(spec, rule.label)}: {complaint}",
                        hint=f"columns: {', '.join(table.columns)}",
                    )
                rules.append(rule.offending(table, others))
        with _explained(spec, "its function"):
            offending = spec.function(**given) if given else None
        return CompiledCheck(
            rules=tuple(each if each is None else self._statement(each) for each in rules),
            function=None if offending is None else self._statement(offending),
        )

    def count(self) -> None:
        """Compile what the ready checks of each table count, over all of its `@quality`."""
        for name in self.project.tables:
            table = ibis.table(self.compiled.schemas[name], name=name)
            counts: dict[str, ir.IntegerScalar] = {}
            for spec in self.project.checks_of(name):
                for place, rule in enumerate(spec.checks):
                    with _explained(spec, rule.label):
                        counts |= self._counts(spec, place, rule, table)
            if counts:
                both = table.aggregate(**{ROWS: table.count()}, **counts)
                self.compiled.counts[name] = self._statement(both)

    def _counts(
        self, spec: QualitySpec, place: int, rule: Rule, table: ir.Table
    ) -> dict[str, ir.IntegerScalar]:
        failures, suspects = rule.failures(table), rule.suspects(table)
        if failures is None:
            return {}
        name = count_of(spec, place)
        if suspects is not None and self._knows(suspects):
            count = suspects.aggregate(**{ROWS: suspects.count()})
            self.compiled.suspects[name] = self._statement(count)
        found = {name: failures}
        if rule.where is not None:
            found[count_of(spec, place, ROWS)] = table.count(where=rule.among(table))
        return found

    def _knows(self, expression: ir.Table) -> bool:
        """Whether the engine has all that an expression needs."""
        try:
            to_sql(expression, self.dialect)
        except OperationNotDefinedError:
            return False
        return True


def _what(spec: QualitySpec, part: str) -> str:
    return f"{spec.name} checks {spec.table}: {part}"


@contextmanager
def _explained(spec: QualitySpec, part: str) -> Iterator[None]:
    """What a check's expression cannot do, in a line that says whose it is."""
    from ibis.common.exceptions import IbisError

    try:
        yield
    except (AttributeError, TypeError, IbisError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise ProjectError(
            f"{_what(spec, part)}: {lines[0]}",
            hint="an expression may use the columns of the table alone",
        ) from error


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
