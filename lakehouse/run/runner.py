"""The visitor that executes the DAG: each kind of node has a step, in the context of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.compile.dag import Step
from lakehouse.run import building, checking, committing, copying, fetching, merging
from lakehouse.run.context import RunContext

_STEPS: Mapping[Step, Callable[..., Any]] = {
    Step.RESOURCE: fetching.resource,
    Step.FETCH: fetching.fetch,
    Step.STAGE: fetching.stage,
    Step.VALIDATE: merging.validate_rows,
    Step.MERGE: merging.merge,
    Step.COPY: copying.copy,
    Step.MODEL: building.model,
    Step.CHECK: checking.check,
    Step.AUDIT: checking.audit,
    Step.COMMIT: committing.commit,
    Step.PUBLISH: committing.publish,
}


class Runner:
    """Executes each node in the context of one attempt."""

    def __init__(self, context: RunContext) -> None:
        self.context = context

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> Any:
        """Do the work of one node, and return the value that its children receive."""
        self.context.begin(name)
        return _STEPS[step](self.context, name, function, parents)
