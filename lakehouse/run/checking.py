"""The steps that ask checks on the branch, table by table; a blocking failure ends the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
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

    Where statements are dear, small tables are asked about together: those that are built when no
    other table can be. Rows that Postgres cannot hold are looked for, too. Raises CheckFailedError
    if a blocking check failed.
    """
    project, together = context.session.project, _Together(context)
    for name in project.tables:
        checks = {spec.name: parents[spec.name] for spec in project.checks_of(name)}
        if checks and context.session.engine.asks_together and _reads_little(context, name):
            together.start(name, started(checks))
        elif checks:
            context.tasks.start(started(checks), partial(_examine, context, name))
    context.tasks.start(started(parents), partial(_count, context))
    context.finish()
    _require_good(context)


class _Together:
    """Asks about all tables that can be asked about, whenever there is time."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._waiting: dict[str, Started] = {}
        """What each table waits for."""
        self._lock = threading.Lock()

    def start(self, name: str, needs: Started) -> None:
        """Ask about a table after the tasks that it needs."""
        with self._lock:
            self._waiting[name] = needs
        self._context.tasks.start(needs, self._examine)

    def _examine(self) -> Outcome:
        with self._lock:
            names = [name for name, needs in self._waiting.items() if all(map(_succeeded, needs))]
            for name in names:
                del self._waiting[name]
        return _examine_together(self._context, names) if names else Outcome()


def _succeeded(task: Future[Outcome]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _reads_little(context: RunContext, name: str) -> bool:
    """Return whether no check of a table reads many rows.

    A table that does not exist yet may get as many as the largest one has.
    """
    project, tables = context.session.project, dict(context.tables)  # others write to it
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
    """Ask the checks of several tables in few statements."""
    since, engine, audit = time.perf_counter(), context.session.engine, _audit(context)
    try:
        found = ask(engine, [*map(audit.inquiry, names)])
    except QueryError:
        if context.tasks.is_closed:
            raise
        found = [*map(audit.of, names)]  # raises the error with the name of its table
    results = dict(zip(names, found, strict=True))
    return _outcome(context, results, time.perf_counter() - since)


def _count(context: RunContext) -> Outcome:
    """Ask which rows of the changed marts Postgres cannot hold, and how many rows are new."""
    audit = _audit(context)
    unholdable = unholdable_rows(audit.engine, audit.compiled, audit.tables, audit.changed)
    kept_out, _ = ask(audit.engine, [unholdable, _new_rows(context)])
    return Outcome(checks=kept_out)


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
