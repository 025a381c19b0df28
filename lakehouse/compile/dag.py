"""The one DAG: a Hamilton driver over ingestion, models, checks, commit and publication.

An ingestion becomes the nodes fetch → stage → validate → merge; those of one group share a stage.
A seed or a table of others is the node copy.
Each model and each check is one node, and audit → commit → publish are the last ones. A `Visitor`
decides what a node does (compile, run, draw); Hamilton calls it through a lifecycle adapter.
"""

from __future__ import annotations

import configparser
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from inspect import Parameter, Signature
from itertools import count
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from lakehouse.declare.copies import CopySpec
from lakehouse.declare.project import SETTINGS, Project
from lakehouse.declare.specs import WINDOW, IngestionSpec, ModelSpec, QualitySpec, parameters
from lakehouse.errors import ConfigError, ProjectError

if TYPE_CHECKING:
    from hamilton.driver import Driver

AUDIT = "main__audit"
COMMIT = "main"
PUBLICATION = "publication"
_STEP = "step"
_NAMES = count()


class Step(StrEnum):
    """Kind of work that a node stands for."""

    RESOURCE = "resource"
    FETCH = "fetch"
    STAGE = "stage"
    VALIDATE = "validate"
    MERGE = "merge"
    COPY = "copy"
    MODEL = "model"
    CHECK = "check"
    AUDIT = "audit"
    COMMIT = "commit"
    PUBLISH = "publish"


class Visitor(Protocol):
    """A use of the DAG, such as compiling or running it: it computes the value of every node."""

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> Any:
        """Return the value of the node `name`, from the values of its parents."""
        ...


def visit(project: Project, visitor: Visitor, inputs: Mapping[str, Any] | None = None) -> None:
    """Call the visitor for every node, parents first.

    `inputs` are values of `window` and `settings`, if the visitor needs them.
    """
    values = {WINDOW: None, SETTINGS: None, **(inputs or {})}
    used = {name for nodes in _nodes(project) for name in nodes[2]}
    driver(project, visitor).execute(
        [PUBLICATION], inputs={name: value for name, value in values.items() if name in used}
    )


def load_hamilton() -> ModuleType:
    """Import Hamilton's driver module, without every dataframe library and its log messages.

    Raises ConfigError for a file of Hamilton's settings that cannot be read.
    """
    os.environ["HAMILTON_AUTOLOAD_EXTENSIONS"] = "0"
    logging.getLogger("hamilton").setLevel(logging.CRITICAL)  # the command reports errors

    try:
        import hamilton.driver
    except configparser.Error as error:
        raise ConfigError(
            f"Hamilton cannot read ~/.hamilton.conf: {str(error).splitlines()[0]}",
            hint="repair or delete it",
        ) from None
    module: ModuleType = hamilton.driver
    return module


def driver(project: Project, visitor: Visitor | None = None) -> Driver:
    """A Hamilton driver over the whole project; Hamilton's own pictures work with it, too."""
    hamilton = load_hamilton()
    from hamilton.ad_hoc_utils import create_temporary_module
    from hamilton.function_modifiers import tag

    nodes = [*_nodes(project)]
    _require_names(project, [name for _, name, _, _ in nodes])
    functions = []
    for step, name, inputs, function in nodes:
        node = _function(name, inputs, function)
        functions.append(tag(**{_STEP: step.value, **_tags(project, name)})(node))
    module = create_temporary_module(*functions, module_name=f"lakehouse_dag_{next(_NAMES)}")
    builder = hamilton.Builder().with_modules(module)
    if visitor is not None:
        builder = builder.with_adapters(_adapter(visitor))
    built = builder.build()
    sys.modules.pop(module.__name__)  # Hamilton adds it there, and it is not imported again
    return built


def _nodes(
    project: Project,
) -> Iterator[tuple[Step, str, tuple[str, ...], Callable[..., Any]]]:
    """Yield every node: its step, its name, the names of its parents, and its function."""
    for name, resource in project.resources.items():
        yield Step.RESOURCE, name, parameters(resource), resource
    for name, ingestion in project.ingestions.items():
        yield Step.FETCH, f"{name}__fetch", ingestion.inputs, ingestion.function
        yield Step.VALIDATE, f"{name}__validate", (f"{_group(ingestion)}__stage",), _validate
        yield Step.MERGE, name, (f"{name}__validate",), _merge
    for group in dict.fromkeys(map(_group, project.ingestions.values())):
        members = [spec.name for spec in project.ingestions.values() if _group(spec) == group]
        yield Step.STAGE, f"{group}__stage", tuple(f"{name}__fetch" for name in members), _stage
    for name in project.copies:
        yield Step.COPY, name, (), _copy
    for name, model in project.models.items():
        yield Step.MODEL, name, model.inputs, model.function
    for name, check in project.checks.items():
        yield Step.CHECK, name, check.inputs, check.function
    yield Step.AUDIT, AUDIT, (*project.tables, *project.checks), _audit
    yield Step.COMMIT, COMMIT, (AUDIT,), _commit
    yield Step.PUBLISH, PUBLICATION, (COMMIT,), _publish


def _require_names(project: Project, nodes: Iterable[str]) -> None:
    """Raise ProjectError for a table or a check that is called as another of the nodes."""
    counts = Counter([WINDOW, SETTINGS, *nodes])
    for name, spec in {**project.tables, **project.checks}.items():
        if counts[name] > 1 or name.startswith("_"):
            taken = "begins with _" if name.startswith("_") else "is taken by a node of the DAG"
            raise ProjectError(
                f"the name {name!r} {taken}",
                hint="rename it, or give it a `name`",
                place=spec.place,
            )


def _group(ingestion: IngestionSpec) -> str:
    """The group of an ingestion; its members are staged together, in one load of dlt."""
    return ingestion.group or ingestion.name


def _stage(**_: Any) -> None:
    """Write the fetched rows as Parquet into the warehouse's staging area."""


def _validate(**_: Any) -> None:
    """Split the staged rows into valid ones, and ones to quarantine with their reasons."""


def _merge(**_: Any) -> None:
    """Write new and changed rows into the raw table."""


def _copy(**_: Any) -> None:
    """Write the rows of a seed or of another's table anew, if they changed."""


def _audit(**_: Any) -> None:
    """Ask all checks of the branch; a blocking one that fails ends the run."""


def _commit(**_: Any) -> None:
    """Merge the run's branch into main, atomically."""


def _publish(**_: Any) -> None:
    """Write the marts of main's newest commit to Postgres, all in one transaction."""


def _function(
    name: str, inputs: tuple[str, ...], function: Callable[..., Any]
) -> Callable[..., Any]:
    """Wrap a function for Hamilton, which reads a node's name and parents from the signature."""

    def node(**parents: Any) -> Any:
        return function(**parents)

    node.__name__ = node.__qualname__ = name
    node.__doc__ = function.__doc__
    node.__signature__ = Signature(  # type: ignore[attr-defined]
        [Parameter(parent, Parameter.KEYWORD_ONLY, annotation=Any) for parent in inputs],
        return_annotation=Any,
    )
    node.__annotations__ = {**dict.fromkeys(inputs, Any), "return": Any}
    return node


def _tags(project: Project, name: str) -> dict[str, str]:
    spec: IngestionSpec | CopySpec | ModelSpec | QualitySpec | None = project.tables.get(name)
    spec = spec or project.checks.get(name)
    return {} if spec is None else {"table": spec.table}


def _adapter(visitor: Visitor) -> Any:
    from hamilton.lifecycle import NodeExecutionMethod

    class Adapter(NodeExecutionMethod):  # type: ignore[misc]
        """Hands every node of the DAG to a visitor."""

        def run_to_execute_node(
            self,
            *,
            node_name: str,
            node_tags: dict[str, Any],
            node_callable: Any,
            node_kwargs: dict[str, Any],
            **_: Any,
        ) -> Any:
            return visitor.node(Step(node_tags[_STEP]), node_name, node_callable, node_kwargs)

    return Adapter()
