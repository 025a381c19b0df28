"""Selectors: which tables of the project a command is about, in the words that dbt uses.

    +marts.daily    mrt_*    tag:slow,layer:marts    2+path:models/gold.py    @state:modified

Spaces join what terms name; commas within a term keep what all of its parts name. `+x` adds what
x is built from and `x+` what is built from x, a number beside the plus says how many steps far;
`@x` adds all that is built from x, and whatever that is built from.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, reduce
from inspect import unwrap
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from lakehouse.declare import IngestionSpec, ModelSpec, View
from lakehouse.errors import UnknownNameError
from lakehouse.project import Project, ordered

if TYPE_CHECKING:
    from lakehouse.compile import Compiled
    from lakehouse.state import TableState

TableSpec: TypeAlias = IngestionSpec | ModelSpec

_PART = re.compile(
    r"(?P<around>@)?(?:(?P<up>\d*)\+)?"
    r"(?:(?P<method>[\w.]+):)?(?P<value>[^@+:].*?)(?<!:)"
    r"(?:\+(?P<down>\d*))?"
)


@dataclass(frozen=True)
class Changes:
    """How the project differs from a ref, by the bare names of tables."""

    new: frozenset[str] = frozenset()
    modified: frozenset[str] = frozenset()
    """The new ones are among them."""


def compare(compiled: Compiled, states: Mapping[str, TableState]) -> Changes:
    """How the project differs from the stored tables of a ref, given by qualified name.

    Views are not stored, but are part of the fingerprints of the models that read them: a view
    is modified if any of these models is, and new if all of them are.
    """
    project = compiled.project
    new = {name for name, spec in project.ingestions.items() if spec.table not in states}
    modified = set(new)
    for spec in reversed(list(ordered(project))):
        if isinstance(spec.kind, View):
            readers = {name for name, other in project.models.items() if spec.name in other.inputs}
            is_new, is_modified = readers <= new, bool(readers & modified)
        else:
            state = states.get(spec.table)
            now = compiled.models[spec.name].fingerprint
            is_new, is_modified = state is None, state is None or state.fingerprint != now
        if is_new:
            new.add(spec.name)
        if is_modified or is_new:
            modified.add(spec.name)
    return Changes(frozenset(new), frozenset(modified))


def select(
    project: Project,
    expression: str | None,
    exclude: str | None = None,
    *,
    root: Path | None = None,
    changes: Callable[[], Changes] | None = None,
) -> frozenset[str]:
    """The bare names of the tables that `expression` names and `exclude` does not.

    Without an expression these are all tables. `root` is the folder that `path:` starts from, by
    default the working folder; `changes` is asked only if a `state:` occurs.

    Raises UnknownNameError for what cannot be read, for a part that fits nothing the project has
    (`state:` may), and if no table is left.
    """
    reading = _Reading(project, root or Path.cwd(), changes)
    chosen = frozenset(project.tables) if expression is None else reading.union(expression)
    left = chosen if exclude is None else chosen - reading.union(exclude)
    if left or expression is exclude is None:
        return left
    if chosen:
        of = f" of selector {expression!r}" if expression else ""
        raise UnknownNameError(
            f"excluding {exclude!r} leaves no table{of}",
            hint=f"without it: {', '.join(sorted(chosen))}",
        )
    hint = "a comma keeps what both sides name, a space joins them"
    if "state:" in (expression or ""):
        hint = f"modified since the ref: {', '.join(sorted(reading.changed.modified)) or 'nothing'}"
    raise UnknownNameError(f"selector {expression!r} names no table", hint=hint)


@dataclass(frozen=True)
class _Reading:
    """Reads expressions about one project."""

    project: Project
    root: Path
    changes: Callable[[], Changes] | None

    @cached_property
    def changed(self) -> Changes:
        if self.changes is None:
            raise UnknownNameError(
                "there is no ref that `state:` could compare with",
                hint="give `changes` to lakehouse.selectors.select",
            )
        return self.changes()

    @cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        models = {name: spec.inputs for name, spec in self.project.models.items()}
        return dict.fromkeys(self.project.ingestions, ()) | models

    @cached_property
    def children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {name: [] for name in self.parents}
        for child, parents in self.parents.items():
            for parent in parents:
                found[parent].append(child)
        return found

    def union(self, expression: str) -> frozenset[str]:
        """What an expression names."""
        if not expression.strip():
            raise UnknownNameError(
                "the selector is empty", hint="name a table, such as +marts.daily"
            )
        return frozenset().union(*map(self._term, expression.split()))

    def _term(self, term: str) -> frozenset[str]:
        parts = term.split(",")
        if "" in parts:
            raise UnknownNameError(
                f"selector {term!r} has nothing on one side of a comma",
                hint="write tag:daily,layer:marts without a space",
            )
        return reduce(frozenset.intersection, map(self._part, parts))

    def _part(self, text: str) -> frozenset[str]:
        found = _PART.fullmatch(text)
        if found is None or (found["around"] and (found["up"], found["down"]) != (None, None)):
            raise UnknownNameError(
                f"selector {text!r} cannot be read",
                hint="write x, +x, x+, 2+x, x+1 or @x, where x is a name or such as tag:daily",
            )
        start = self._named(found["method"], found["value"])
        if found["around"]:
            below = _reach(start, self.children, math.inf)
            return _reach(below, self.parents, math.inf)
        above = _reach(start, self.parents, _steps(found["up"]))
        return above | _reach(start, self.children, _steps(found["down"]))

    def _named(self, method: str | None, value: str) -> frozenset[str]:
        """The tables that a method names, `state:` asking the ref."""
        if method == "state":
            return self._of_state(value)
        if method is None:
            method = "path" if "/" in value else "name"
        if method not in _LABELS:
            methods = ", ".join(f"{each}:" for each in (*_LABELS, "state"))
            raise UnknownNameError(
                f"selector '{method}:{value}' uses an unknown method", hint=f"methods: {methods}"
            )
        labels = self._labels(method)
        fits = _FITS.get(method, fnmatchcase)
        found = {name for name, own in labels.items() if any(fits(each, value) for each in own)}
        if not found:
            raise self._unknown(method, value)
        return frozenset(found)

    def _of_state(self, value: str) -> frozenset[str]:
        if value not in ("modified", "new"):
            raise UnknownNameError(
                f"selector 'state:{value}' names no state", hint="use state:modified or state:new"
            )
        return self.changed.new if value == "new" else self.changed.modified

    def _labels(self, method: str) -> dict[str, tuple[str, ...]]:
        """What a method calls each table."""
        label, tables = _LABELS[method], self.project.tables.items()
        return {name: label(spec, self.root) for name, spec in tables}

    def _unknown(self, method: str, value: str) -> UnknownNameError:
        """The error for a value that fits nothing; a bare word may have meant a layer or so."""
        words = {
            label: label if each == "name" else f"{each}:{label}"
            for each in (("tag", "group", "layer", "name") if method == "name" else (method,))
            for own in self._labels(each).values()
            for label in own
        }
        known = ", ".join(sorted(words.values())) or f"no table has a {method}"
        if method == "name":
            known = f"tables: {', '.join(sorted(s.table for s in self.project.tables.values()))}"
        close = difflib.get_close_matches(value, words, n=1)
        return UnknownNameError(
            f"selector {value if method == 'name' else f'{method}:{value}'!r}"
            " names no table of the project",
            hint=f"did you mean {words[close[0]]!r}?" if close else known,
        )


def _reach(
    start: frozenset[str], edges: Mapping[str, Iterable[str]], steps: float
) -> frozenset[str]:
    """The start, and what lies up to so many steps away from it."""
    found = last = start
    while last and steps > 0:
        last = frozenset(name for each in last for name in edges[each]) - found
        found |= last
        steps -= 1
    return found


def _steps(written: str | None) -> float:
    """How far a plus reaches: no plus nowhere, and without a number to the end."""
    if written is None:
        return 0
    return int(written) if written else math.inf


def _path(spec: TableSpec, root: Path) -> str:
    """The file of a table's function, relative to the root if it lies there."""
    path = Path(unwrap(spec.function).__code__.co_filename)
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


_LABELS: dict[str, Callable[[TableSpec, Path], tuple[str, ...]]] = {
    "name": lambda spec, _: (spec.name, spec.table),
    "tag": lambda spec, _: spec.tags if isinstance(spec, ModelSpec) else (),
    "group": lambda spec, _: (spec.group,) if spec.group else (),
    "layer": lambda spec, _: (spec.schema,),
    "kind": lambda spec, _: (
        type(spec.kind).__name__.lower() if isinstance(spec, ModelSpec) else "ingestion",
    ),
    "path": lambda spec, root: (_path(spec, root),),
}
"""The methods, and what each calls a table."""


def _fits_name(name: str, pattern: str) -> bool:
    """Whether a bare name fits a bare pattern, or a qualified name a qualified one."""
    return ("." in name) == ("." in pattern) and fnmatchcase(name, pattern)


def _fits_path(path: str, pattern: str) -> bool:
    """Whether the path, or a folder that it lies in, fits; `**` is any number of folders."""

    def fits(parts: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
        if not patterns:
            return True
        first, *rest = patterns
        if first == "**":
            return any(fits(parts[i:], tuple(rest)) for i in range(len(parts) + 1))
        return bool(parts) and fnmatchcase(parts[0], first) and fits(parts[1:], tuple(rest))

    return fits(PurePosixPath(path).parts, PurePosixPath(pattern).parts)


_FITS = {"name": _fits_name, "path": _fits_path}
"""How a pattern is compared with what a method calls a table; otherwise as a whole."""
