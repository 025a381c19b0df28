"""The steps that ask checks on the branch, table by table; a blocking failure ends the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lakehouse.audit.audit import Audit
from lakehouse.audit.for_postgres import unholdable_rows
from lakehouse.checks import sample_rows
from lakehouse.checks.result import CheckOutcome
from lakehouse.compile.dag import Step
from lakehouse.errors import CheckFailedError
from lakehouse.records.run_records import NodeReport
from lakehouse.run.context import Outcome, RunContext, Started, started


def check(_: RunContext, __: str, ___: Callable[..., Any], parents: Mapping[str, Any]) -> Started:
    """Return the builds that a check waits for; the audit asks all checks of a table together."""
    return started(parents)


def audit(context: RunContext, _: str, __: Callable[..., Any], parents: Mapping[str, Any]) -> None:
    """Ask the checks of each table once the tables they read are built; wait for all of them.

    Rows that Postgres cannot hold are looked for, too. Raises CheckFailedError if a blocking check
    failed.
    """
    project = context.session.project
    for name in project.tables:
        checks = {spec.name: parents[spec.name] for spec in project.checks_of(name)}
        if checks:
            context.tasks.start(started(checks), partial(_examine, context, name))
    builds = started({name: parents[name] for name in project.published})
    context.tasks.start(builds, partial(_examine_for_postgres, context))
    context.finish()
    _require_good(context)


def _require_good(context: RunContext) -> None:
    """Raise CheckFailedError if a blocking check failed."""
    failed = [check for check in context.checks if check.outcome is CheckOutcome.FAILED]
    for check in failed:
        context.listener.warning(f"failed: {check.message(context.branch)}")
    if failed:
        first, checks = failed[0], "check" if len(failed) == 1 else "checks"
        sql = first.sql or f"SELECT * FROM {first.table}"
        raise CheckFailedError(
            f"{len(failed)} blocking {checks} failed, the first on {first.summary}",
            hint="main is as it was; the rows are on the branch:"
            f" {sample_rows.command(sql, context.branch)}",
        )


def _examine(context: RunContext, name: str) -> Outcome:
    """Ask the checks of a table, and report how many passed."""
    since = time.perf_counter()
    results = _audit(context).of(name)
    if not results:
        return Outcome()
    failed = sum(not result.passed for result in results)
    note = f"{failed} of {len(results)} failed" if failed else f"{len(results)} passed"
    node = f"{context.session.project.tables[name].table}.checks"
    seconds = time.perf_counter() - since
    return Outcome(NodeReport(node, Step.CHECK, seconds=seconds, note=note), results)


def _examine_for_postgres(context: RunContext) -> Outcome:
    """Look for rows of the changed marts that Postgres cannot hold."""
    session = context.session
    return Outcome(
        checks=unholdable_rows(
            session.engine, session.compiled, dict(context.tables), dict(context.changed)
        )
    )


def _audit(context: RunContext) -> Audit:
    """Return an audit of the tables of the branch as they are now."""
    session = context.session
    return Audit(
        session.engine,
        session.compiled,
        dict(context.tables),
        dict(context.changed),
        context.request.hull.end if context.request.asks_sources else None,
    )
