"""Finds the pages and reports of a project: they are imported when a site or a report is made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Protocol

from lakehouse.config import DEFAULT_PAGES, FILE
from lakehouse.declare import project_modules
from lakehouse.declare.project import Project
from lakehouse.declare.project_code import place_of
from lakehouse.errors import ProjectError, choices
from lakehouse.pages.decorators import PageSpec, page_of


class Package(Protocol):
    """Where a project has its pages: its settings say so."""

    @property
    def root(self) -> Path:
        """The folder of the project."""
        ...

    @property
    def pages(self) -> str:
        """The name of the package of pages."""
        ...


def load(package: Package, project: Project) -> list[PageSpec]:
    """Import the project's package of pages, and return its pages and reports in their order.

    Modules come by name, and functions as they stand in one. Raises ProjectError for code that
    cannot be imported, two pages of one name, and parameters that name no table.
    """
    return collect(modules(package), project)


def modules(package: Package) -> list[ModuleType]:
    """Import the modules of the project's package of pages; a project without it has none.

    Raises ProjectError for code that cannot be imported.
    """
    root = str(package.root)
    if root not in sys.path:
        sys.path.insert(0, root)
    if not _exists(package):
        return []
    name = package.pages
    below = [found.name for found in project_modules.of(name, f"`pages` in {FILE}")]
    project_modules.require_own(name, root)
    return [sys.modules[each] for each in dict.fromkeys([name, *below])]


def collect(modules: list[ModuleType], project: Project) -> list[PageSpec]:
    """Return the pages that these modules declare. Raises ProjectError for one that cannot be."""
    specs: dict[str, PageSpec] = {}
    for module in modules:
        for spec in _declared_in(module):
            if spec.name in specs:
                raise ProjectError(
                    f"the page {spec.name!r} exists twice: {place_of(specs[spec.name].function)}",
                    hint="give one of the functions another name",
                    place=place_of(spec.function),
                )
            _require_tables(spec, project)
            specs[spec.name] = spec
    return [*specs.values()]


def sources(package: Package) -> list[Path]:
    """Return the files of the package of pages: code and what lies beside it, sorted."""
    named = package.root / package.pages.replace(".", "/")
    files = named.rglob("*") if named.is_dir() else [named.with_suffix(".py")]
    return sorted(file for file in files if file.is_file() and file.suffix != ".pyc")


def _exists(package: Package) -> bool:
    """Return whether the project has a package of pages; a library of that name is none."""
    if package.pages != DEFAULT_PAGES:
        return True  # or an error
    folder = package.root / package.pages
    return folder.is_dir() or folder.with_suffix(".py").is_file()


def _declared_in(module: ModuleType) -> Iterator[PageSpec]:
    """Yield the pages of a module, and not those that it imports."""
    for value in list(vars(module).values()):
        spec = page_of(value) if callable(value) else None
        if spec is not None and spec.function.__module__ == module.__name__:
            yield spec


def _require_tables(spec: PageSpec, project: Project) -> None:
    for name in spec.tables:
        if name not in project.tables:
            raise ProjectError(
                f"the page {spec.name!r} reads {name!r}, which no function builds",
                hint=choices("known tables", name, sorted(project.tables)),
                place=place_of(spec.function),
            )
