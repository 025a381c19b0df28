"""The steps that merge the branch into main, and publish its marts."""

from __future__ import annotations

from typing import Any

from lakehouse.compile import dag
from lakehouse.compile.dag import Step
from lakehouse.publish.publish_head import publish_head, summary
from lakehouse.run.context import RunContext


def commit(context: RunContext, *_: Any) -> Any:
    """Merge the branch into main, unless it is held for a review."""
    if context.written and context.request.hold:
        context.held = True
    elif context.written:
        context.session.moving.append(context.run_id)
        context.commit = context.session.catalog.merge(
            context.branch, run_id=context.run_id, message=context.request.message
        )
        context.report(Step.COMMIT, dag.COMMIT, note=f"commit {context.commit.id}")


def publish(context: RunContext, *_: Any) -> Any:
    """Publish the marts of main, and report how many rows moved."""
    if context.request.hold:
        return
    context.published = publish_head(context.session)
    if context.published is not None:
        rows, note = summary(context.published)
        context.report(Step.PUBLISH, dag.PUBLICATION, rows=rows, note=note)
