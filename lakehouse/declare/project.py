"""Finds the ingestions, models and checks that a project declares, and checks that they fit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from itertools import chain, starmap, zip_longest
from types import ModuleType
from typing import Any

from lakehouse.checks import UniqueCheck
from lakehouse.config import FILE, Settings
from lakehouse.declare import project_modules
from lakehouse.declare.project_code import place_of
from lakehouse.declare.specs import (
    SINCE,
    WINDOW,
    IngestionSpec,
    ModelSpec,
    QualitySpec,
    Spec,
    parameters,
    spec_of,
)
from lakehouse.errors import ProjectError, choices
from lakehouse.table_names import name_of

SETTINGS = "settings"
"""Name of the parameter that gives a resource the settings of the project."""
_RESERVED = {
    "raw": "what ingestions fetch",
    "quarantine": "rows that failed validation",
    "lakehouse": "the records of runs",
}
"""Schemas that no model may be in, and what they hold."""


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
    packages = {"ingestion": settings.ingestion, "models": settings.models}
    return load_packages(str(settings.root), packages.values(), [*packages])


def load_packages(root: str, packages: Iterable[str], settings: Iterable[str] = ()) -> Project:
    """Load the project in these packages; `root` is the folder that holds them.

    `settings` are the keys of `lakehouse.toml` that name them.
    """
    if root not in sys.path:
        sys.path.insert(0, root)
    places = [f"`{key}` in [project] of {FILE}" for key in settings]
    modules = starmap(project_modules.of, zip_longest(packages, places, fillvalue=""))
    layers = {module.name: module.layer for module in chain.from_iterable(modules)}
    return collect([sys.modules[name] for name in layers], layers)


def collect(modules: Iterable[ModuleType], layers: Mapping[str, str] | None = None) -> Project:
    """The project that these modules declare; `layers` are the schemas of their models, by name.

    The schema of a module that is not named is the last part of its own name.
    """
    project = Project()
    for module in modules:
        for function in list(vars(module).values()):
            spec = spec_of(function) if callable(function) else None
            if spec is not None and function.__module__ == module.__name__:
                if isinstance(spec, ModelSpec):
                    spec = replace(spec, schema=(layers or {}).get(module.__name__, spec.schema))
                    _require_schema(spec)
                _add(project, spec)
    for ingestion in project.ingestions.values():
        _add_resources(project, ingestion)
    _validate(project)
    return project


def _require_schema(spec: ModelSpec) -> None:
    if spec.schema in _RESERVED:
        raise ProjectError(
            f"the model would be the table {spec.table!r}, and the schema {spec.schema!r} holds"
            f" {_RESERVED[spec.schema]}",
            hint="move the model to a module of another name, such as `silver` or `marts`",
            place=place_of(spec.function),
        )


def _add(project: Project, spec: Spec) -> None:
    group: dict[str, Any] = project.checks
    if isinstance(spec, IngestionSpec):
        group = project.ingestions
    elif isinstance(spec, ModelSpec):
        group = project.models
    namesake = {**project.tables, **project.checks}.get(spec.name)
    if namesake is not None:
        raise ProjectError(
            f"it shares the name {spec.name!r} with {place_of(namesake.function)}",
            hint="rename one: parameters refer to tables by name, whatever their schema",
            place=place_of(spec.function),
        )
    group[spec.name] = spec


def _add_resources(project: Project, ingestion: IngestionSpec) -> None:
    module = vars(sys.modules[ingestion.function.__module__])
    for name in ingestion.inputs:
        if name == WINDOW:
            continue
        resource = module.get(name)
        if not callable(resource):
            cure = f"define a function `{name}(settings)` in the same module, or take `{WINDOW}`"
            raise ProjectError(
                f"{ingestion.table} takes {name!r}, which is not a function of its module",
                hint=f"declare a `cursor`, which gives it, or {cure}" if name == SINCE else cure,
                place=place_of(ingestion.function),
            )
        unknown = set(parameters(resource)) - {SETTINGS}
        if unknown:
            raise ProjectError(
                f"the resource {name!r} takes {', '.join(map(repr, sorted(unknown)))}",
                hint=f"its only parameter may be `{SETTINGS}`",
                place=place_of(resource),
            )
        project.resources[name] = resource


def _validate(project: Project) -> None:
    tables = project.tables
    known = {spec.table for spec in tables.values()}
    for check in project.checks.values():
        for does, table in _tables_of(check):
            if table not in known:
                namesake = tables.get(name_of(table))
                raise ProjectError(
                    f"{check.name} {does} {table!r}, which no function builds",
                    hint=choices(
                        "known tables", namesake.table if namesake else table, sorted(known)
                    ),
                    place=place_of(check.function),
                )
    readers: list[ModelSpec | QualitySpec] = [*project.models.values(), *project.checks.values()]
    for spec in readers:
        for name in spec.inputs:
            if name not in tables:
                raise ProjectError(
                    f"{spec.table if isinstance(spec, ModelSpec) else spec.name} reads {name!r},"
                    " which no function builds",
                    hint=choices("known tables", name, sorted(tables)),
                    place=place_of(spec.function),
                )
    ordered(project)


def _tables_of(check: QualitySpec) -> Iterator[tuple[str, str]]:
    """Yield the tables that a check names with their schemas, and what it does with each."""
    yield "checks", check.table
    for rule in check.checks:
        yield from (("compares with", other) for other in rule.others)


def ordered(project: Project) -> list[ModelSpec]:
    """The models, parents before children. Raises ProjectError for a cycle."""
    parents = {name: spec.inputs for name, spec in project.models.items()}
    try:
        names = [*TopologicalSorter(parents).static_order()]
    except CycleError as error:
        around = error.args[1][::-1]
        raise ProjectError(
            f"the models read each other in a circle: {' → '.join(around)}",
            hint="let one of them read what the other reads, instead of the other",
            place=place_of(project.models[around[0]].function),
        ) from None
    return [project.models[name] for name in names if name in project.models]
