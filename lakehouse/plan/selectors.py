"""Selectors: the tables of the project that a command works on, in the syntax of dbt.

    +marts.daily    mrt_*    tag:slow,layer:marts    2+path:models/gold.py    @state:modified

A space means "or", a comma "and". `+x` adds the tables that x is built from, `x+` the tables that
are built from x; a number beside the plus limits the steps. `@x` adds all tables that are built
from x, and all that these are built from.
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

from lakehouse.declare.copies import CopySpec, fingerprint
from lakehouse.declare.project import Project, ordered
from lakehouse.declare.specs import IngestionSpec, ModelSpec
from lakehouse.errors import UnknownNameError
from lakehouse.table_names import name_of

if TYPE_CHECKING:
    from lakehouse.compile.compiler import Compiled
    from lakehouse.plan.state import TableState

TableSpec: TypeAlias = IngestionSpec | CopySpec | ModelSpec

_PART = re.compile(
    r"(?P<around>@)?(?:(?P<up>\d*)\+)?"
    r"(?:(?P<method>[\w.]+):)?(?P<value>[^@+:].*?)(?<!:)"
    r"(?:\+(?P<down>\d*))?"
)


@dataclass(frozen=True)
class Changes:
    """Bare names of the tables in which the project differs from a ref."""

    new: frozenset[str] = frozenset()
    modified: frozenset[str] = frozenset()
    """Modified tables, including the new ones."""


def compare(compiled: Compiled, states: Mapping[str, TableState]) -> Changes:
    """Return in which tables the project differs from a ref.

    `states` are those of the ref's stored tables, by qualified name. Views are not stored, but are
    part of the fingerprints of the models that read them: a view is modified if any of these
    models is, and new if all of them are.
    """
    project = compiled.project
    new = {name for name, spec in project.ingestions.items() if spec.table not in states}
    modified = set(new)
    for name, copy in project.copies.items():
        state = states.get(copy.table)
        if state is None:
            new.add(name)
        if state is None or state.fingerprint != fingerprint(compiled.schemas[name]):
            modified.add(name)
    for spec in reversed(list(ordered(project))):
        if spec.is_view:
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
    """Return the bare names of the tables that `expression` names and `exclude` does not.

    No expression means all tables. `root` is the folder that `path:` starts from, by default the
    working folder; `changes` is called only if a `state:` occurs.

    Raises UnknownNameError if an expression cannot be parsed, if a part of it other than `state:`
    matches no table of the project, and if no table remains.
    """
    resolver = _Resolver(project, root or Path.cwd(), changes)
    chosen = frozenset(project.tables) if expression is None else resolver.union(expression)
    remaining = chosen if exclude is None else chosen - resolver.union(exclude)
    if remaining or expression is exclude is None:
        return remaining
    if chosen:
        of = f" of selector {expression!r}" if expression else ""
        raise UnknownNameError(
            f"excluding {exclude!r} leaves no table{of}",
            hint=f"without it: {', '.join(sorted(chosen))}",
        )
    hint = "a comma keeps what both sides name, a space joins them"
    if "state:" in (expression or ""):
        hint = (
            f"modified since the ref: {', '.join(sorted(resolver.changed.modified)) or 'nothing'}"
        )
    raise UnknownNameError(f"selector {expression!r} names no table", hint=hint)


@dataclass(frozen=True)
class _Resolver:
    """Finds the tables of one project that expressions name."""

    project: Project
    root: Path
    changes: Callable[[], Changes] | None

    @cached_property
    def changed(self) -> Changes:
        if self.changes is None:
            raise UnknownNameError(
                "there is no ref that `state:` could compare with",
                hint="give `changes` to `select`",
            )
        return self.changes()

    @cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        models = {name: spec.inputs for name, spec in self.project.models.items()}
        return dict.fromkeys((*self.project.ingestions, *self.project.copies), ()) | models

    @cached_property
    def children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {name: [] for name in self.parents}
        for child, parents in self.parents.items():
            for parent in parents:
                children[parent].append(child)
        return children

    def union(self, expression: str) -> frozenset[str]:
        """Return the tables that any term of an expression names."""
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
        part = _PART.fullmatch(text)
        if part is None or (part["around"] and (part["up"], part["down"]) != (None, None)):
            raise UnknownNameError(
                f"selector {text!r} cannot be read",
                hint="write x, +x, x+, 2+x, x+1 or @x, where x is a name or such as tag:daily",
            )
        start = self._named(part["method"], part["value"])
        if part["around"]:
            below = _reach(start, self.children, math.inf)
            return _reach(below, self.parents, math.inf)
        above = _reach(start, self.parents, _steps(part["up"]))
        return above | _reach(start, self.children, _steps(part["down"]))

    def _named(self, method: str | None, value: str) -> frozenset[str]:
        """Return the tables whose labels by a method match a value; `state:` asks the ref."""
        if method == "state":
            return self._of_state(value)
        if method is None:
            method = "path" if "/" in value else "name"
        if method not in _LABELS:
            methods = ", ".join(f"{known}:" for known in (*_LABELS, "state"))
            raise UnknownNameError(
                f"selector '{method}:{value}' uses an unknown method", hint=f"methods: {methods}"
            )
        labels = self._labels(method)
        fits = _FITS.get(method, fnmatchcase)
        tables = {
            name
            for name, of_table in labels.items()
            if any(fits(label, value) for label in of_table)
        }
        if not tables:
            raise self._unknown(method, value)
        return frozenset(tables)

    def _of_state(self, value: str) -> frozenset[str]:
        if value not in ("modified", "new"):
            raise UnknownNameError(
                f"selector 'state:{value}' names no state", hint="use state:modified or state:new"
            )
        return self.changed.new if value == "new" else self.changed.modified

    def _labels(self, method: str) -> dict[str, tuple[str, ...]]:
        """Return the labels that a method, such as `tag`, gives to each table."""
        label, tables = _LABELS[method], self.project.tables.items()
        return {name: label(spec, self.root) for name, spec in tables}

    def _unknown(self, method: str, value: str) -> UnknownNameError:
        """Return the error for a value that matches no table, with the closest one as its hint.

        A bare word is also compared with tags, groups and layers, whose method may be missing.
        """
        words = {
            label: label if likely == "name" else f"{likely}:{label}"
            for likely in (("tag", "group", "layer", "name") if method == "name" else (method,))
            for of_table in self._labels(likely).values()
            for label in of_table
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
    """Return the tables that are at most `steps` edges away from the start, with the start."""
    reached = last = start
    while last and steps > 0:
        last = frozenset(name for table in last for name in edges[table]) - reached
        reached |= last
        steps -= 1
    return reached


def _steps(written: str | None) -> float:
    """Return the steps that a plus stands for: 0 without a plus, infinite without a number."""
    if written is None:
        return 0
    return int(written) if written else math.inf


def _path(spec: TableSpec, root: Path) -> str:
    """Return the file that declares a table, relative to the root if it lies below it."""
    if isinstance(spec, CopySpec):
        path = spec.file
    else:
        path = Path(unwrap(spec.function).__code__.co_filename)
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _kind(spec: TableSpec) -> str:
    """Return the kind of a model, or what else a table is."""
    if isinstance(spec, ModelSpec):
        return type(spec.kind).__name__.lower()
    return spec.origin.kind if isinstance(spec, CopySpec) else "ingestion"


_LABELS: dict[str, Callable[[TableSpec, Path], tuple[str, ...]]] = {
    "name": lambda spec, _: (spec.name, name_of(spec.table), spec.table),
    "tag": lambda spec, _: spec.tags if isinstance(spec, ModelSpec) else (),
    "group": lambda spec, _: (spec.group,) if not isinstance(spec, CopySpec) and spec.group else (),
    "layer": lambda spec, _: (spec.schema,),
    "kind": lambda spec, _: (_kind(spec),),
    "path": lambda spec, root: (_path(spec, root),),
}
"""For each method, a function that returns its labels of a table."""


def _fits_name(name: str, pattern: str) -> bool:
    """Return whether a bare name matches a bare pattern, or a qualified name a qualified one."""
    return ("." in name) == ("." in pattern) and fnmatchcase(name, pattern)


def _fits_path(path: str, pattern: str) -> bool:
    """Return whether a path or a folder above it matches; `**` means any number of folders."""

    def fits(parts: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
        if not patterns:
            return True
        first, *rest = patterns
        if first == "**":
            return any(fits(parts[i:], tuple(rest)) for i in range(len(parts) + 1))
        return bool(parts) and fnmatchcase(parts[0], first) and fits(parts[1:], tuple(rest))

    return fits(PurePosixPath(path).parts, PurePosixPath(pattern).parts)


_FITS = {"name": _fits_name, "path": _fits_path}
"""Methods that match labels in their own way; all others use `fnmatchcase`."""
