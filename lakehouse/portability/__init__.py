"""Portability: finds and documents expressions that engines understand differently or not at all.

No engine is run. Every model and check is built once from unbound tables, while the line that made
each part of its expression is recorded; rules (`Trap`) then examine the parts. A comment
`# portable: ok <reason>` in a statement accepts what rules find there.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from lakehouse.checks import UniqueCheck
from lakehouse.declare.specs import ModelSpec, QualitySpec, parameters
from lakehouse.declare.sql_files import SUFFIX
from lakehouse.patches.ibis_dialects import to_sql
from lakehouse.portability.trap import Trap
from lakehouse.portability.traps import TRAPS
from lakehouse.portability.undefined import undefined
from lakehouse.portability.written_lines import Place, record

if TYPE_CHECKING:
    from lakehouse.compile.compiler import Compiled
    from lakehouse.declare.project import Project
    from lakehouse.portability.conditions import Declared

DIALECTS = ("duckdb", "trino")
"""Engines on which a model has to mean the same."""
_ACCEPTED = re.compile(r"#\s*portable:\s*ok\s+\S")
_ACCEPTED_IN_SQL = re.compile(r"--\s*portable:\s*ok\s+\S")
_STORABLE = ("boolean", "integer", "floating", "decimal", "string", "date", "timestamp", "null")
"""Kinds of types that a table can hold on every engine, as Ibis names them in `is_…()`."""


@dataclass(frozen=True)
class Finding:
    """A line of a project that means different things on the engines."""

    model: str
    """The first model or check in which it was found; others may use the same line."""
    file: str
    line: int
    rule: str
    trap: str
    """Description of the problem."""
    cure: str
    """Advice how to write it instead."""


def examine(compiled: Compiled, root: Path) -> list[Finding]:
    """Return what is not portable in a project's models and checks, by file and line.

    Files are named relative to `root`.
    """
    findings: dict[tuple[str, int, str], Finding] = {}
    project = compiled.project
    declared = _declared(project)
    specs: list[ModelSpec | QualitySpec] = [*project.models.values(), *project.checks.values()]
    for spec in specs:
        if isinstance(spec, QualitySpec) and not parameters(spec.function):
            continue
        tables = {
            name: ibis.table(compiled.schemas[name], name=name)
            for name in parameters(spec.function)
        }
        for place, rule in _of_one(spec, tables, declared):
            file = Path(place.file)
            shown = str(file.relative_to(root) if file.is_relative_to(root) else file)
            finding = Finding(spec.name, shown, place.line, rule.name, rule.trap, rule.cure)
            findings.setdefault((place.file, place.line, rule.name), finding)
    return sorted(findings.values(), key=lambda finding: (finding.file, finding.line, finding.rule))


def traps_in(operation: ops.Node, declared: Declared) -> list[Trap]:
    """Return the traps in an operation and all it is made of.

    Literals below it count only if they are intervals: others may be values of Python. `declared`
    are the known keys of tables, by their bare names.
    """
    parts = [
        part
        for part in operation.find(ops.Node)
        if not isinstance(part, ops.Literal) or part.dtype.is_interval()
    ]
    return [trap for part in dict.fromkeys([operation, *parts]) for trap in _broken(part, declared)]


def _of_one(
    spec: ModelSpec | QualitySpec, tables: dict[str, ir.Table], declared: Declared
) -> Iterator[tuple[Place, Trap]]:
    """Yield the traps of one model or check, with their places."""
    expression, recording = record(spec.function, tables)
    rejected = False
    for node, place in recording.made:
        for rule in _broken(node, declared):
            rejected = True
            if not _is_accepted(place):
                yield place, rule
    if not rejected:
        yield from ((_place(spec), rule) for rule in _of_the_whole(expression))


def _broken(node: ops.Node, declared: Declared) -> list[Trap]:
    """Return the traps that an operation falls into."""
    broken = [rule for rule in TRAPS if rule.finds(node, declared)]
    return broken or list(undefined(type(node), DIALECTS))


def _of_the_whole(expression: ir.Table) -> Iterator[Trap]:
    """Yield the problems of an expression as a whole: it does not compile, or cannot be stored."""
    for dialect in DIALECTS:
        try:
            to_sql(expression, dialect)
        except Exception as error:  # noqa: BLE001 - compilers raise errors of many libraries
            reason = str(error).partition("\n")[0]
            yield Trap("not-compiled", f"{dialect}: {reason}", "write it with other functions")
    for name, kind in expression.schema().items():
        if not any(getattr(kind, f"is_{storable}")() for storable in _STORABLE):
            yield Trap(
                "column-type",
                f"{name!r} is a {kind}, which tables do not hold on every engine",
                f"a column is one of: {', '.join(_STORABLE[:-1])}",
            )


def _declared(project: Project) -> Declared:
    """Return the keys that ingestions and checks declare, by the bare name of the table."""
    keys: dict[str, set[frozenset[str]]] = {name: set() for name in project.tables}
    for name, ingestion in project.ingestions.items():
        keys[name].add(frozenset(ingestion.unique_key))
    for quality in project.checks.values():
        unique = (check for check in quality.checks if isinstance(check, UniqueCheck))
        keys[quality.inputs[0]] |= {frozenset(check.columns_used) for check in unique}
    return {name: frozenset(of_table) for name, of_table in keys.items()}


def _is_accepted(place: Place) -> bool:
    """Return whether the statement around a place has a comment that accepts findings."""
    lines = linecache.getlines(place.file)
    if place.file.endswith(SUFFIX):
        return bool(_ACCEPTED_IN_SQL.search(lines[place.line - 1]))
    within = [
        range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
        for statement in ast.walk(ast.parse("".join(lines)))
        if isinstance(statement, ast.stmt)
    ]
    around = min((span for span in within if place.line in span), key=len, default=range(0))
    return any(_ACCEPTED.search(lines[line - 1]) for line in around)


def _place(spec: ModelSpec | QualitySpec) -> Place:
    """Return the first line of the function of a model or check."""
    code = inspect.unwrap(spec.function).__code__
    return Place(code.co_filename, code.co_firstlineno)
