"""Selectors: which tables of the project a command is about."""

from __future__ import annotations

import difflib

from lakehouse.errors import UnknownNameError
from lakehouse.project import Project


def select(project: Project, expression: str | None) -> frozenset[str]:
    """The bare names of the tables that the expression names; None means all of them.

    A name is bare or qualified. `+name` adds everything it is built from, `name+` everything
    built from it. Names separated by spaces are joined. Raises UnknownNameError.
    """
    if expression is None:
        return frozenset(project.tables)
    chosen: set[str] = set()
    for part in expression.split():
        name = _resolve(project, part.strip("+"))
        chosen.add(name)
        if part.startswith("+"):
            chosen |= _upstream(project, name)
        if part.endswith("+"):
            chosen |= _downstream(project, name)
    if not chosen:
        raise UnknownNameError("the selector is empty", hint="name a table, such as +marts.daily")
    return frozenset(chosen)


def _resolve(project: Project, name: str) -> str:
    names = {spec.table: bare for bare, spec in project.tables.items()}
    names |= {bare: bare for bare in project.tables}
    if name in names:
        return names[name]
    close = difflib.get_close_matches(name, names, n=1)
    raise UnknownNameError(
        f"selector {name!r} names no table of the project",
        hint=f"did you mean {close[0]!r}?" if close else f"tables: {', '.join(sorted(names))}",
    )


def _parents(project: Project, name: str) -> tuple[str, ...]:
    return project.models[name].inputs if name in project.models else ()


def _upstream(project: Project, name: str) -> set[str]:
    found: set[str] = set()
    for parent in _parents(project, name):
        found |= {parent} | _upstream(project, parent)
    return found


def _downstream(project: Project, name: str) -> set[str]:
    found: set[str] = set()
    for child in project.models:
        if name in _parents(project, child):
            found |= {child} | _downstream(project, child)
    return found
