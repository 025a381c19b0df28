"""The modules of a project's packages: all of them are imported, also those in folders below."""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from lakehouse.declare.project_code import is_project_code, place_of, placed, shown
from lakehouse.declare.specs import Spec, made_in, spec_of
from lakehouse.errors import ProjectError

_LOOPED = re.compile(rb"^(?:for|while)\b", re.MULTILINE)
_DEFINED = re.compile(rb"^(?:async +)?def +(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class ProjectModule:
    """A module that was imported, and the schema of the models in it."""

    name: str
    layer: str
    """The first folder below the package, or the module itself if it lies in no folder."""


def of(package: str, setting: str = "") -> Iterator[ProjectModule]:
    """Import all modules of a package, and yield them. Raises ProjectError, with the place.

    `setting` is the place of the package's name, for errors.
    """
    module = _package(package, setting)
    places = folders(package)
    files = [Path(module.__file__)] if module.__file__ else []
    for path in (*files, *(folder / "__init__.py" for folder in places)):
        if not is_project_code(str(path)):
            raise ProjectError(
                f"the package {package!r} is a library's, not the project's: {path}",
                hint="name a folder of the project",
                place=setting,
            )
    if not places:  # a single file
        yield ProjectModule(package, package.rpartition(".")[2])
        return
    _require_nothing_in(module, package)
    for name, parts in sorted(set(_below(places))):
        with placed(f"{package}.{name} cannot be imported"):
            below = importlib.import_module(f"{package}.{name}")
        _require_no_twins(below)
        yield ProjectModule(below.__name__, parts[0])


def specs_in(module: ModuleType) -> Iterator[Spec]:
    """Yield what a module declares: decorated functions that are its own, also in lists and dicts.

    A function that another module made for it is its own, and one that it has imported is not.
    """
    seen: set[int] = set()
    for function in _functions(list(vars(module).values())):
        spec = spec_of(function)
        if spec is None or id(function) in seen:
            continue
        seen.add(id(function))
        if module.__name__ in (function.__module__, made_in(function)):
            yield spec


def _functions(values: Iterable[Any]) -> Iterator[Any]:
    """Yield the functions among values, and those in lists, tuples and dicts among them."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from filter(callable, value)
        elif isinstance(value, dict):
            yield from filter(callable, list(value.values()))
        elif callable(value):
            yield value


def folders(package: str) -> list[Path]:
    """Return the folders of a package that was imported; none if it is a single file."""
    return [Path(folder) for folder in getattr(sys.modules[package], "__path__", ())]


def _package(package: str, setting: str) -> ModuleType:
    if not all(part.isidentifier() for part in package.split(".")):
        raise ProjectError(
            f"{package!r} is no name of a package",
            hint="name a folder beside lakehouse.toml, in letters, digits and _",
            place=setting,
        )
    with placed(f"{package} cannot be imported"):
        try:
            return importlib.import_module(package)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{package}.".startswith(f"{error.name}."):
                raise
            raise ProjectError(
                f"the project has no package {package!r}",
                hint="create the folder beside lakehouse.toml, or name another one there",
                place=setting,
            ) from None


def require_own(package: str, root: str) -> None:
    """Raise ProjectError if the project in `root` has a package that is loaded from elsewhere.

    Python keeps one package of a name in a process, so a second project would get the first one's.
    """
    top = package.partition(".")[0]
    own, loaded = PathFinder.find_spec(top, [root]), sys.modules[top].__spec__
    if own is not None and loaded is not None and not _places(own) & _places(loaded):
        raise ProjectError(
            f"this process has loaded the package {top!r} of another project:"
            f" {', '.join(sorted(_places(loaded)))}",
            hint=f"open the project in {root} in a process of its own",
        )


def _places(spec: ModuleSpec) -> set[str]:
    """Return the file that a package begins with, or the folders of one without `__init__.py`."""
    named = [spec.origin] if spec.origin else spec.submodule_search_locations or []
    return {os.path.realpath(place) for place in named}


def _below(folders: Sequence[Path]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names, as seen from the package, of the modules and packages in its folders."""
    for folder in folders:
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            is_hidden = any(part.startswith(".") for part in parts)
            if parts and not is_hidden and parts[-1] != "__main__":  # a script, not a module
                yield ".".join(parts), parts


def _require_nothing_in(module: ModuleType, package: str) -> None:
    """Raise ProjectError for a declaration in the package itself, which is in no schema."""
    for name, function in vars(module).items():
        spec = spec_of(function) if callable(function) else None
        if spec is not None and function.__module__ == module.__name__:
            raise ProjectError(
                f"{name!r} is declared in the package {package!r} itself, which is no schema",
                hint=f"move it to a module in that folder, such as {package}/silver.py",
                place=place_of(function),
            )


def _require_none_in(loop: ast.For | ast.While, module: ModuleType) -> None:
    """Raise ProjectError for a declaration in a loop: each would replace the one before it."""
    for node in ast.walk(loop):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if spec_of(vars(module).get(node.name)) is not None:
            raise ProjectError(
                f"{node.name!r} is defined in a loop, and only the last one would be left",
                hint="let a function make each, with a `name` of its own, and keep them in a list",
                place=f"{shown(module.__file__ or '')}:{node.lineno} in {node.name}",
            )


def _require_no_twins(module: ModuleType) -> None:
    """Raise ProjectError for a declaration that a later function of the same name replaced."""
    if module.__file__ is None:
        return
    code = Path(module.__file__).read_bytes()
    names = Counter(_DEFINED.findall(code))
    if all(count == 1 for count in names.values()) and not _LOOPED.search(code):
        return
    first: dict[str, int] = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.For | ast.While):
            _require_none_in(node, module)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name in first and spec_of(vars(module).get(node.name)) is not None:
            raise ProjectError(
                f"{node.name!r} is defined a second time, and replaces the one in line"
                f" {first[node.name]}",
                hint="give one of them another name: names of tables and checks are unique",
                place=f"{shown(module.__file__)}:{node.lineno} in {node.name}",
            )
        first[node.name] = node.lineno
