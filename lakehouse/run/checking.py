"""The steps that ask checks on the branch, table by table; a blocking failure ends the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lakehouse.audit.audit import MANY_ROWS, Audit
from lakehouse.audit.for_postgres import unholdable_rows
from lakehouse.audit.inquiry import Answers, Inquiry, ask
from lakehouse.checks import sample_rows
from lakehouse.checks.result import CheckOutcome, CheckResult
from lakehouse.compile.compiler import ROWS
from lakehouse.compile.dag import Step
from lakehouse.errors import CheckFailedError, QueryError
from lakehouse.plan import what_to_build
from lakehouse.records.run_records import NodeReport
from lakehouse.run.context import Outcome, RunContext, Started, started


def check(_: RunContext, __: str, ___: Callable[..., Any], parents: Mapping[str, Any]) -> Started:
    """Return the builds that a check waits for; the audit asks all checks of a table together."""
    return started(parents)


def audit(context: RunContext, _: str, __: Callable[..., Any], parents: Mapping[str, Any]) -> None:
    """Ask the checks of each table once the tables they read are built; wait for all of them.

    Where statements are dear, small tables are asked about together, once all are built. Rows that
    Postgres cannot hold are looked for, too. Raises CheckFailedError if a blocking check failed.
    """
    project, together = context.session.project, []
    for name in project.tables:
        checks = {spec.name: parents[spec.name] for spec in project.checks_of(name)}
        if checks and context.session.engine.asks_together and _reads_little(context, name):
            together.append(name)
        elif checks:
            context.tasks.start(started(checks), partial(_examine, context, name))
    context.tasks.start(started(parents), partial(_examine_together, context, together))
    context.finish()
    _require_good(context)


def _reads_little(context: RunContext, name: str) -> bool:
    """Return whether no check of a table reads many rows.

    A table that does not exist yet may get as many as the largest one has.
    """
    project, tables = context.session.project, context.tables
    largest = max((table.rows for table in tables.values()), default=0)
    read = {table for spec in project.checks_of(name) for table in spec.inputs}
    stored = {table for each in read for table in what_to_build.stored_with(project, each)}
    return all(
        (tables[table].rows if table in tables else largest) < MANY_ROWS
        for table in (project.tables[each].table for each in stored)
    )


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
    return _outcome(context, {name: results}, time.perf_counter() - since)


def _examine_together(context: RunContext, names: Sequence[str]) -> Outcome:
    """Ask the checks of several tables, and what else is to be known, in few statements.

    That is which rows of the changed marts Postgres cannot hold, and how many rows are new.
    """
    since, engine, audit = time.perf_counter(), context.session.engine, _audit(context)
    unholdable = unholdable_rows(engine, audit.compiled, audit.tables, audit.changed)
    beside = [unholdable, _new_rows(context)]
    try:
        *found, kept_out, _ = ask(engine, [*map(audit.inquiry, names), *beside])
    except QueryError:
        found = [*map(audit.of, names)]  # raises the error with the name of its table
        kept_out, _ = ask(engine, beside)
    results = dict(zip(names, found, strict=True))
    outcome = _outcome(context, results, time.perf_counter() - since)
    return replace(outcome, checks=[*outcome.checks, *kept_out])


def _new_rows(context: RunContext) -> Inquiry:
    """Ask how many rows each build has written, where that is not known, and report them."""
    uncounted = [*context.uncounted]

    def conclude(counts: Answers) -> list[CheckResult]:
        for (report, _), count in zip(uncounted, counts, strict=True):
            report.rows = count[ROWS]
        return []

    return Inquiry([question for _, question in uncounted], conclude)


def _outcome(
    context: RunContext, results: Mapping[str, list[CheckResult]], seconds: float
) -> Outcome:
    """Return results by table, with a report for each table; all took as long."""
    reports = []
    for name, checks in results.items():
        if checks:
            failed = sum(not check.passed for check in checks)
            note = f"{failed} of {len(checks)} failed" if failed else f"{len(checks)} passed"
            node = f"{context.session.project.tables[name].table}.checks"
            share = seconds / len(results)
            reports.append(NodeReport(node, Step.CHECK, seconds=share, note=note))
    return Outcome(reports, [check for checks in results.values() for check in checks])


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
