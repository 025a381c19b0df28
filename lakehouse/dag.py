"""The one DAG: a Hamilton driver over ingestion, models, checks, commit and publication.

An ingestion becomes visible nodes, fetch → stage → validate → merge, of which stage is shared by
its group. What a node does is not decided here: a `Reading` of the DAG decides it (compile, run,
draw), as a Hamilton lifecycle adapter.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from inspect import Parameter, Signature
from itertools import count
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from lakehouse.declare import IngestionSpec, ModelSpec, QualitySpec, parameters
from lakehouse.project import SETTINGS, WINDOW, Project

if TYPE_CHECKING:
    from hamilton.driver import Driver

COMMIT = "main"
PUBLICATION = "publication"
_STEP = "step"
_NAMES = count()


class Step(StrEnum):
    """What kind of work a node stands for."""

    RESOURCE = "resource"
    FETCH = "fetch"
    STAGE = "stage"
    VALIDATE = "validate"
    MERGE = "merge"
    MODEL = "model"
    CHECK = "check"
    COMMIT = "commit"
    PUBLISH = "publish"


class Reading(Protocol):
    """One way to read the DAG: gives each node its value from the values of its parents."""

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> Any:
        """The value of one node; `name` is the node's."""
        ...


def read(project: Project, reading: Reading, inputs: Mapping[str, Any] | None = None) -> None:
    """Visit every node, parents first, and let `reading` say what it does."""
    given = {WINDOW: None, SETTINGS: None, **(inputs or {})}
    used = {name for nodes in _nodes(project) for name in nodes[2]}
    driver(project, reading).execute(
        [PUBLICATION], inputs={name: value for name, value in given.items() if name in used}
    )


def load_hamilton() -> ModuleType:
    """Hamilton's driver module; it keeps quiet, to the network as well."""
    # Hamilton reports usage and loads every dataframe library it finds, unless told not to.
    os.environ.setdefault("HAMILTON_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("HAMILTON_AUTOLOAD_EXTENSIONS", "0")
    logging.getLogger("hamilton").setLevel(logging.CRITICAL)  # errors are told by the command
    import hamilton.driver

    module: ModuleType = hamilton.driver
    return module


def driver(project: Project, reading: Reading | None = None) -> Driver:
    """A Hamilton driver over the whole project; its own views work on it too."""
    hamilton = load_hamilton()
    from hamilton.ad_hoc_utils import create_temporary_module
    from hamilton.function_modifiers import tag

    functions = []
    for step, name, inputs, function in _nodes(project):
        node = _function(name, inputs, function)
        functions.append(tag(**{_STEP: step.value, **_tags(project, name)})(node))
    module = create_temporary_module(*functions, module_name=f"lakehouse_dag_{next(_NAMES)}")
    builder = hamilton.Builder().with_modules(module)
    if reading is not None:
        builder = builder.with_adapters(_adapter(reading))
    built = builder.build()
    sys.modules.pop(module.__name__)  # Hamilton leaves it there, and nobody imports it
    return built


def _nodes(
    project: Project,
) -> Iterator[tuple[Step, str, tuple[str, ...], Callable[..., Any]]]:
    """Every node as its step, its name, its parents and the function it stands for."""
    for name, resource in project.resources.items():
        yield Step.RESOURCE, name, parameters(resource), resource
    for name, ingestion in project.ingestions.items():
        yield Step.FETCH, f"{name}__fetch", ingestion.inputs, ingestion.function
        yield Step.VALIDATE, f"{name}__validate", (f"{_group(ingestion)}__stage",), _validate
        yield Step.MERGE, name, (f"{name}__validate",), _merge
    for group in dict.fromkeys(map(_group, project.ingestions.values())):
        members = [each.name for each in project.ingestions.values() if _group(each) == group]
        yield Step.STAGE, f"{group}__stage", tuple(f"{name}__fetch" for name in members), _stage
    for name, model in project.models.items():
        yield Step.MODEL, name, model.inputs, model.function
    for name, check in project.checks.items():
        yield Step.CHECK, name, check.inputs, check.function
    yield Step.COMMIT, COMMIT, (*project.tables, *project.checks), _commit
    yield Step.PUBLISH, PUBLICATION, (COMMIT,), _publish


def _group(ingestion: IngestionSpec) -> str:
    """Ingestions of one group are staged together, in one load of dlt."""
    return ingestion.group or ingestion.name


def _stage(**_: Any) -> None:
    """What was fetched, as Parquet under the warehouse's staging area."""


def _validate(**_: Any) -> None:
    """The staged rows, told apart: good ones, and ones to quarantine with their reasons."""


def _merge(**_: Any) -> None:
    """Rows that are new or changed, in the raw table."""


def _commit(**_: Any) -> None:
    """One atomic merge of the run's branch, if every blocking check passed."""


def _publish(**_: Any) -> None:
    """The marts of main's newest commit, all of them together, in Postgres."""


def _function(
    name: str, inputs: tuple[str, ...], function: Callable[..., Any]
) -> Callable[..., Any]:
    """A function of that name and those parameters, as Hamilton wants to see it."""

    def node(**parents: Any) -> Any:
        return function(**parents)

    node.__name__ = node.__qualname__ = name
    node.__doc__ = function.__doc__
    node.__signature__ = Signature(  # type: ignore[attr-defined]
        [Parameter(each, Parameter.KEYWORD_ONLY, annotation=Any) for each in inputs],
        return_annotation=Any,
    )
    node.__annotations__ = {**dict.fromkeys(inputs, Any), "return": Any}
    return node


def _tags(project: Project, name: str) -> dict[str, str]:
    spec: IngestionSpec | ModelSpec | QualitySpec | None = project.tables.get(name)
    spec = spec or project.checks.get(name)
    return {} if spec is None else {"table": spec.table}


def _adapter(reading: Reading) -> Any:
    from hamilton.lifecycle import NodeExecutionMethod

    class Adapter(NodeExecutionMethod):  # type: ignore[misc]
        """Hands every node of the DAG to a reading."""

        def run_to_execute_node(
            self,
            *,
            node_name: str,
            node_tags: dict[str, Any],
            node_callable: Any,
            node_kwargs: dict[str, Any],
            **_: Any,
        ) -> Any:
            return reading.node(Step(node_tags[_STEP]), node_name, node_callable, node_kwargs)

    return Adapter()
