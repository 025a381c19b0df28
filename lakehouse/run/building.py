"""The steps that bring models up to date on the branch of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.build.builds import build, source
from lakehouse.compile.compiler import Compiled
from lakehouse.compile.dag import Step
from lakehouse.declare.project_code import named
from lakehouse.engines import Question
from lakehouse.plan import what_to_build
from lakehouse.plan.what_to_build import Decision, Reason
from lakehouse.records import code_history
from lakehouse.records.run_records import NodeReport
from lakehouse.run.context import Outcome, RunContext, Started, started


def model(
    context: RunContext, name: str, _: Callable[..., Any], parents: Mapping[str, Any]
) -> Started:
    """Start the build of a model, which waits for the builds of the stored tables that it reads.

    Readers of a view wait only for the stored tables below it: the view is stored for other
    programs, not for them.
    """
    below = started(parents)
    build_of_model = context.tasks.start(below, lambda: _build(context, name))
    is_view = context.session.compiled.models[name].spec.is_view
    return below if is_view else (build_of_model,)


def _build(context: RunContext, name: str) -> Outcome:
    """Bring one model up to date, if its decision asks for that, and report it."""
    since = time.perf_counter()
    session, compiled = context.session, context.session.compiled
    model = compiled.models[name]
    decision = _decide(context, name)
    if not decision.windows:
        if decision.reason is Reason.VIEW:
            view = source(compiled, name, context.tables)
            with named(f"the view {model.spec.table} cannot be stored", model.spec.function):
                written = session.engine.define(
                    session.catalog, context.branch, model.spec.table, view
                )
            context.written |= written
            return Outcome()
        return Outcome([NodeReport(model.spec.table, Step.MODEL, decision.reason)])
    work = build(compiled, model, decision.dirty, context.tables, context.run_id)
    with named(f"{model.spec.table} cannot be built", model.spec.function, *_views(compiled, name)):
        stored, rows = session.engine.build(session.catalog, context.branch, work)
    code_history.keep(
        session.settings.warehouse, model.fingerprint, code_history.parts(compiled, name)
    )
    context.keep(stored)
    context.changed[name] = decision.windows
    report = NodeReport(
        model.spec.table,
        Step.MODEL,
        decision.reason,
        windows=str(decision.dirty),
        seconds=time.perf_counter() - since,
    )
    if isinstance(rows, Question):
        context.uncounted.append((report, rows))
    else:
        report.rows = rows
    return Outcome([report])


def _views(compiled: Compiled, name: str) -> list[Callable[..., Any]]:
    """Return the functions of the views whose code is part of a model's statement."""
    views = code_history.parts(compiled, name).keys() - {name}
    return [compiled.project.models[view].function for view in sorted(views)]


def _decide(context: RunContext, name: str) -> Decision:
    """Decide which windows and keys of a model are to be built, and why."""
    compiled = context.session.compiled
    model = compiled.models[name]
    if name not in context.request.selected:
        return Decision(Reason.NOT_SELECTED)
    stored = context.tables.get(model.spec.table)
    parents = {
        parent: context.tables[table].state
        for parent in what_to_build.stored_parents(compiled.project, name)
        if (table := compiled.project.tables[parent].table) in context.tables
    }
    state = stored.state if stored else None
    return what_to_build.decide(compiled, model, state, parents, force=context.request.full_refresh)
