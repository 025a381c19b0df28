"""Finds the ingestions, models and checks that a project declares, and checks that they fit."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from types import ModuleType
from typing import Any

from lakehouse.checks import UniqueCheck
from lakehouse.config import Settings
from lakehouse.declare.project_code import placed
from lakehouse.declare.specs import IngestionSpec, ModelSpec, QualitySpec, Spec, parameters, spec_of
from lakehouse.errors import ProjectError
from lakehouse.table_names import name_of

WINDOW = "window"
"""Name of the parameter that tells an ingestion which window to fetch."""
SETTINGS = "settings"
"""Name of the parameter that gives a resource the settings of the project."""


@dataclass(frozen=True)
class Project:
    """Everything that a project declares, by bare name; these are unique across schemas."""

    ingestions: dict[str, IngestionSpec] = field(default_factory=dict)
    models: dict[str, ModelSpec] = field(default_factory=dict)
    checks: dict[str, QualitySpec] = field(default_factory=dict)
    resources: dict[str, Callable[..., Any]] = field(default_factory=dict)
    """Functions that make what ingestions take beside `window`, such as the client of an API."""

    @property
    def tables(self) -> dict[str, IngestionSpec | ModelSpec]:
        """Ingestions and models by name."""
        return {**self.ingestions, **self.models}

    @property
    def published(self) -> dict[str, ModelSpec]:
        """The models that are published: those in the schema `marts`."""
        return {name: spec for name, spec in self.models.items() if spec.schema == "marts"}

    def checks_of(self, name: str) -> Iterator[QualitySpec]:
        """The checks of one table."""
        return (spec for spec in self.checks.values() if spec.inputs[0] == name)

    def key_of(self, name: str) -> tuple[str, ...]:
        """The columns that identify a table's rows, by its first blocking check; empty without."""
        return next(
            (
                tuple(rule.columns)
                for spec in self.checks_of(name)
                for rule in spec.checks
                if isinstance(rule, UniqueCheck) and spec.blocking and spec.is_strict(rule)
            ),
            (),
        )


def load(settings: Settings) -> Project:
    """Import the project's packages and collect what they declare.

    Raises ProjectError if two declarations share a name, a parameter names nothing, or models
    read each other in a circle.
    """
    return load_packages(str(settings.root), [settings.ingestion, settings.models])


def load_packages(root: str, packages: Iterable[str]) -> Project:
    """Load the project in these packages; `root` is the folder that holds them."""
    if root not in sys.path:
        sys.path.insert(0, root)
    return collect([module for package in packages for module in _modules(package)])


def collect(modules: Iterable[ModuleType]) -> Project:
    """The project that these modules declare."""
    project = Project()
    for module in modules:
        for function in vars(module).values():
            spec = spec_of(function) if callable(function) else None
            if spec is not None and function.__module__ == module.__name__:
                _add(project, spec)
    for ingestion in project.ingestions.values():
        _add_resources(project, ingestion)
    _validate(project)
    return project


def _add(project: Project, spec: Spec) -> None:
    group: dict[str, Any] = project.checks
    if isinstance(spec, IngestionSpec):
        group = project.ingestions
    elif isinstance(spec, ModelSpec):
        group = project.models
    namesake = {**project.tables, **project.checks}.get(spec.name)
    if namesake is not None:
        raise ProjectError(
            f"{_place(spec)} and {_place(namesake)} share the name {spec.name!r}",
            hint="rename one: parameters refer to tables by name",
        )
    group[spec.name] = spec


def _add_resources(project: Project, ingestion: IngestionSpec) -> None:
    module = vars(sys.modules[ingestion.function.__module__])
    for name in ingestion.inputs:
        if name == WINDOW:
            continue
        resource = module.get(name)
        if not callable(resource):
            raise ProjectError(
                f"{_place(ingestion)} takes {name!r}, which is not a function of its module",
                hint=f"define a function `{name}(settings)` in the same module",
            )
        unknown = set(parameters(resource)) - {SETTINGS}
        if unknown:
            raise ProjectError(
                f"{resource.__module__}.{name} takes {', '.join(sorted(unknown))}",
                hint=f"its only parameter may be `{SETTINGS}`",
            )
        project.resources[name] = resource


def _validate(project: Project) -> None:
    tables = project.tables
    readers: list[ModelSpec | QualitySpec] = [*project.models.values(), *project.checks.values()]
    for spec in readers:
        for name in spec.inputs:
            if name not in tables:
                raise ProjectError(
                    f"{_place(spec)} reads {name!r}, which no function builds",
                    hint=f"known tables: {', '.join(sorted(tables))}",
                )
    for check in project.checks.values():
        table = tables[check.inputs[0]]
        if table.table != check.table:
            raise ProjectError(
                f"{_place(check)} checks {check.table!r}, which no function builds",
                hint=f"did you mean {table.table!r}?",
            )
        for other in (other for rule in check.checks for other in rule.others):
            table_name = tables[name_of(other)].table
            if table_name != other:
                raise ProjectError(
                    f"{_place(check)} compares with {other!r}, which no function builds",
                    hint=f"did you mean {table_name!r}?",
                )
    list(ordered(project))


def ordered(project: Project) -> Iterator[ModelSpec]:
    """The models, parents before children. Raises ProjectError for a cycle."""
    parents = {name: spec.inputs for name, spec in project.models.items()}
    try:
        for name in TopologicalSorter(parents).static_order():
            if name in project.models:
                yield project.models[name]
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        raise ProjectError(f"the models read each other in a circle: {cycle}") from None


def _modules(package: str) -> Iterator[ModuleType]:
    with placed(f"{package} cannot be imported"):
        try:
            root = importlib.import_module(package)
        except ModuleNotFoundError as error:
            if error.name != package:
                raise
            raise ProjectError(
                f"the project has no package {package!r}",
                hint="create the folder, or name another under [project] in lakehouse.toml",
            ) from None
    if not hasattr(root, "__path__"):  # a single file
        yield root
        return
    for info in pkgutil.iter_modules(root.__path__):
        with placed(f"{package}.{info.name} cannot be imported"):
            module = importlib.import_module(f"{package}.{info.name}")
        yield module


def _place(spec: Spec) -> str:
    return f"{spec.function.__module__}.{spec.function.__qualname__}"
