"""Finds the ingestions, models and checks that a project declares, and checks that they fit."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from itertools import chain, starmap, zip_longest
from pathlib import Path
from types import ModuleType
from typing import Any

from lakehouse.checks import UniqueCheck
from lakehouse.config import FILE, Settings
from lakehouse.declare import project_modules, references, seeds, shared_names, sql_files
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.project_code import place_of
from lakehouse.declare.specs import (
    SINCE,
    WINDOW,
    IngestionSpec,
    ModelSpec,
    QualitySpec,
    Spec,
    parameters,
)
from lakehouse.errors import ProjectError

SETTINGS = "settings"
"""Name of the parameter that gives a resource the settings of the project."""
RESERVED_SCHEMAS = {
    "raw": "what ingestions fetch",
    "quarantine": "rows that failed validation",
    "lakehouse": "the records of runs",
    seeds.SCHEMA: "the seeds",
}
"""Schemas that no model may be in, and what they hold."""
_OF_POSTGRES = re.compile(r"pg_.*|information_schema|lakehouse_.*")
"""Schemas in Postgres that nothing can be published to."""


@dataclass(frozen=True)
class Project:
    """Everything that a project declares, by name.

    A table's name is that within its schema, or `schema__name` if several schemas have one of it.
    """

    ingestions: dict[str, IngestionSpec] = field(default_factory=dict)
    models: dict[str, ModelSpec] = field(default_factory=dict)
    checks: dict[str, QualitySpec] = field(default_factory=dict)
    resources: dict[str, Callable[..., Any]] = field(default_factory=dict)
    """Functions that make what ingestions take beside `window`, such as the client of an API."""
    copies: dict[str, CopySpec] = field(default_factory=dict)
    """Seeds, and tables that others write."""

    @property
    def tables(self) -> dict[str, IngestionSpec | CopySpec | ModelSpec]:
        """Ingestions, copies and models by name."""
        return {**self.ingestions, **self.copies, **self.models}

    @property
    def published(self) -> dict[str, ModelSpec]:
        """The models that are published: those in the schema `marts`, unless they say otherwise."""
        return {name: spec for name, spec in self.models.items() if spec.is_published}

    def qualified(self, name: str) -> str:
        """The qualified name of a table that is given by its bare name; any other name as it is."""
        tables = self.tables
        return tables[name].table if name in tables else name

    def name_of(self, table: str) -> str:
        """The name of a table that is given by its qualified one; empty if nobody builds it."""
        return next((name for name, spec in self.tables.items() if spec.table == table), "")

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
    """Import the project's packages and collect what they declare, with the project's seeds.

    Raises ProjectError if two declarations share a name, a parameter names nothing, or models
    read each other in a circle.
    """
    packages = {"ingestion": settings.ingestion, "models": settings.models}
    return load_packages(
        str(settings.root), [*packages.values()], [*packages], seeds_in=settings.seeds
    )


def load_packages(
    root: str,
    packages: Sequence[str],
    settings: Iterable[str] = (),
    *,
    seeds_in: Path | None = None,
) -> Project:
    """Load the project in these packages; `root` is the folder that holds them.

    The last package may hold models in SQL. `settings` are the keys of `lakehouse.toml` that name
    the packages; `seeds_in` is the folder of seeds.
    """
    if root not in sys.path:
        sys.path.insert(0, root)
    places = [f"`{key}` in [project] of {FILE}" for key in settings]
    modules = starmap(project_modules.of, zip_longest(packages, places, fillvalue=""))
    layers = {module.name: module.layer for module in chain.from_iterable(modules)}
    for package in packages:
        project_modules.require_own(package, root)
    found = [sys.modules[name] for name in layers]
    for module, layer in sql_files.of(packages[-1], project_modules.folders(packages[-1])):
        found.append(module)
        layers[module.__name__] = layer
    return collect(found, layers, seeds.find(seeds_in) if seeds_in else ())


def collect(
    modules: Iterable[ModuleType],
    layers: Mapping[str, str] | None = None,
    found: Iterable[CopySpec] = (),
) -> Project:
    """The project that these modules declare; `layers` are the schemas of their models, by name.

    The schema of a module that is not named is the last part of its own name. `found` are the
    seeds.
    """
    specs: list[Spec | CopySpec] = [*found]
    for module in modules:
        schema = (layers or {}).get(module.__name__, _last(module))
        specs += _copies(module)
        specs += (_in_schema(spec, schema) for spec in project_modules.specs_in(module))
    project = Project()
    for spec in shared_names.told_apart(specs):
        _add(project, spec)
    for ingestion in project.ingestions.values():
        _add_resources(project, ingestion)
    references.require_known(project.tables, [*project.models.values(), *project.checks.values()])
    ordered(project)
    return project


def _last(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _in_schema(spec: Spec, schema: str) -> Spec:
    """Return a spec; a model is put into the schema of its module."""
    if isinstance(spec, ModelSpec):
        spec = replace(spec, schema=schema)
        _require_schema(spec)
    return spec


def _require_schema(spec: ModelSpec) -> None:
    if spec.schema in RESERVED_SCHEMAS:
        raise ProjectError(
            f"the model would be the table {spec.table!r}, and the schema {spec.schema!r} holds"
            f" {RESERVED_SCHEMAS[spec.schema]}",
            hint="move the model to a module of another name, such as `silver` or `marts`",
            place=place_of(spec.function),
        )
    if spec.is_published and _OF_POSTGRES.fullmatch(spec.schema):
        raise ProjectError(
            f"{spec.table} is published, and Postgres has the schema {spec.schema!r} for itself",
            hint="move the model to a module of another name, such as `silver` or `marts`",
            place=place_of(spec.function),
        )


def _copies(module: ModuleType) -> Iterator[CopySpec]:
    """Yield the tables of others that a module declares, and not those that it imports."""
    copies = (value for value in vars(module).values() if isinstance(value, CopySpec))
    yield from (copy for copy in dict.fromkeys(copies) if copy.module == module.__name__)


def _add(project: Project, spec: Spec | CopySpec) -> None:
    group: dict[str, Any] = project.checks
    if isinstance(spec, IngestionSpec):
        group = project.ingestions
    elif isinstance(spec, CopySpec):
        group = project.copies
    elif isinstance(spec, ModelSpec):
        group = project.models
    namesake = {**project.tables, **project.checks}.get(spec.name)
    if namesake is not None:
        hint = "rename one of them"
        if namesake.place == spec.place:
            hint = "it is made more than once: give each a `name` of its own, such as name=f'x_{y}'"
        raise ProjectError(
            f"it shares the name {spec.name!r} with {namesake.place}",
            hint=hint,
            place=spec.place,
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
