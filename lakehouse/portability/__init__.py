"""Finds what a project writes that engines understand differently, without running any engine.

Every model and check is made once from unbound tables, while it is noted which line made which
piece of the expression. Rules then look at the pieces. `# portable: ok <reason>` on a line accepts
what they say about it.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import getsourcefile, getsourcelines
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir

from lakehouse.checks import UniqueCheck
from lakehouse.declare import ModelSpec, QualitySpec, parameters
from lakehouse.dialects import to_sql
from lakehouse.portability.recording import Place, record
from lakehouse.portability.rules import RULES, Rule, undefined

if TYPE_CHECKING:
    from lakehouse.compile import Compiled
    from lakehouse.portability.conditions import Declared
    from lakehouse.project import Project

DIALECTS = ("duckdb", "trino")
"""The engines that a model has to mean the same on."""
_ACCEPTED = re.compile(r"#\s*portable:\s*ok\s+\S")
_STORABLE = ("boolean", "integer", "floating", "decimal", "string", "date", "timestamp", "null")


@dataclass(frozen=True)
class Finding:
    """Something that means one thing here and another there."""

    model: str
    """The model or check that it was found in; others may use the same line."""
    file: str
    line: int
    rule: str
    trap: str
    """What is wrong."""
    cure: str
    """How to write it."""


def examine(compiled: Compiled, root: Path) -> list[Finding]:
    """What is not portable in the project's models and checks; files are told from `root`."""
    found: dict[tuple[str, int, str], Finding] = {}
    project = compiled.project
    declared = _declared(project)
    specs: list[ModelSpec | QualitySpec] = [*project.models.values(), *project.checks.values()]
    for spec in specs:
        if not parameters(spec.function):
            continue
        tables = {
            name: ibis.table(compiled.schemas[name], name=name)
            for name in parameters(spec.function)
        }
        for place, rule in _of_one(spec, tables, declared):
            file = Path(place.file)
            shown = str(file.relative_to(root) if file.is_relative_to(root) else file)
            finding = Finding(spec.name, shown, place.line, rule.name, rule.trap, rule.cure)
            found.setdefault((place.file, place.line, rule.name), finding)
    return sorted(found.values(), key=lambda each: (each.file, each.line, each.rule))


def _of_one(
    spec: ModelSpec | QualitySpec, tables: dict[str, ir.Table], declared: Declared
) -> Iterator[tuple[Place, Rule]]:
    expression, recording = record(spec.function, tables)
    rejected = False
    for node, place in recording.made:
        for rule in _broken(node, declared):
            rejected = True
            if not _is_accepted(place):
                yield place, rule
    if not rejected:
        yield from ((_place(spec), rule) for rule in _of_the_whole(expression))


def _broken(node: ops.Node, declared: Declared) -> list[Rule]:
    broken = [rule for rule in RULES if rule.finds(node, declared)]
    return broken or list(undefined(type(node), DIALECTS))


def _of_the_whole(expression: ir.Table) -> Iterator[Rule]:
    """What is only to be seen of the whole: that it cannot be compiled, or not be stored."""
    for dialect in DIALECTS:
        try:
            to_sql(expression, dialect)
        except Exception as error:  # noqa: BLE001 - compilers raise errors of many libraries
            reason = str(error).partition("\n")[0]
            yield Rule("not-compiled", f"{dialect}: {reason}", "write it with other functions")
    for name, kind in expression.schema().items():
        if not any(getattr(kind, f"is_{each}")() for each in _STORABLE):
            yield Rule(
                "column-type",
                f"{name!r} is a {kind}, which tables do not hold on every engine",
                f"a column is one of: {', '.join(_STORABLE[:-1])}",
            )


def _declared(project: Project) -> Declared:
    """The keys that ingestions and checks declare, by the bare name of the table."""
    keys: dict[str, set[frozenset[str]]] = {name: set() for name in project.tables}
    for name, ingestion in project.ingestions.items():
        keys[name].add(frozenset(ingestion.unique_key))
    for quality in project.checks.values():
        unique = (check for check in quality.checks if isinstance(check, UniqueCheck))
        keys[quality.inputs[0]] |= {frozenset(check.columns) for check in unique}
    return {name: frozenset(found) for name, found in keys.items()}


def _is_accepted(place: Place) -> bool:
    """Whether a comment stands at the statement that the place is in."""
    lines = linecache.getlines(place.file)
    within = [
        range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
        for statement in ast.walk(ast.parse("".join(lines)))
        if isinstance(statement, ast.stmt)
    ]
    around = min((span for span in within if place.line in span), key=len, default=range(0))
    return any(_ACCEPTED.search(lines[line - 1]) for line in around)


def _place(spec: ModelSpec | QualitySpec) -> Place:
    first = getsourcelines(spec.function)[1]
    return Place(getsourcefile(spec.function) or "", first)
