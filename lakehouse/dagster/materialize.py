"""A materialization: a run of lakehouse over the partitions and assets that Dagster chose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from lakehouse.addresses.discretion import unexpected
from lakehouse.checks.result import CheckResult
from lakehouse.config import Settings
from lakehouse.dagster.assets import key_of, table_of
from lakehouse.declare.specs import mart_of
from lakehouse.errors import LakehouseError
from lakehouse.interface import Lakehouse
from lakehouse.records.run_records import RunReport

Event = dg.MaterializeResult[Any] | dg.AssetCheckResult
_MOMENT = timedelta.resolution


class _Log:
    """Listener that writes to Dagster's log, and keeps the report."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        self._log = log
        self.report: RunReport | None = None

    def progress(self, message: str) -> None:
        self._log.debug(message)

    def detail(self, message: str) -> None:
        self._log.info(message)

    def warning(self, message: str) -> None:
        self._log.warning(message)

    def ended(self, report: RunReport) -> None:
        self.report = report


def materialize(
    settings: Settings, order: Sequence[str], context: dg.AssetExecutionContext
) -> Iterator[Event]:
    """Run what is selected for the days of the partitions, as `run --select` or `backfill` would.

    `order` are all tables, parents first, as Dagster wants to be told of them. Yields what became
    of each asset, and the checks that were asked. Raises Failure, with what lakehouse says, if the
    run failed: main is then as it was, and nothing is materialized; or afterwards, if something
    could not be fetched.
    """
    selected = {table_of(key) for key in context.selected_asset_keys}
    tables = [table for table in order if table in selected]
    log = _Log(context.log)
    try:
        report = _run(settings, days_of(context), " ".join(tables), log)
    except Exception as error:  # noqa: BLE001 - a traceback may hold what settings hold
        if log.report is not None:
            yield from _checks(log.report, context)
        raise _failure(error, log.report) from None
    for table in tables:
        yield dg.MaterializeResult(key_of(table), metadata=_metadata(report, table))
    yield from _checks(report, context)  # of what is materialized by now
    if not report.is_whole:
        missing = [
            *report.failed.items(),
            *((each.summary, each.message) for each in report.unread),
        ]
        raise dg.Failure(
            "not all could be fetched; a later run makes up for it",
            metadata=dict(missing),
        )


def days_of(context: dg.AssetExecutionContext) -> tuple[date, date]:
    """Return the first and the last local day of the partitions."""
    window = context.partition_time_window
    return window.start.date(), (window.end - _MOMENT).date()


def _run(settings: Settings, days: tuple[date, date], select: str, log: _Log) -> RunReport:
    first, last = days
    with Lakehouse(settings) as lake:
        if first == last:
            return lake.run(first, select=select, listener=log)
        report = lake.backfill(first, last, select=select, listener=log)
        assert report is not None  # it is None if only what is missing is asked for
        return report


def _checks(report: RunReport, context: dg.AssetExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Yield the checks that the run asked, of those that Dagster chose."""
    by_check: dict[tuple[str, str], list[CheckResult]] = defaultdict(list)
    for result in report.checks:
        by_check[result.table, result.check].append(result)
    wanted = {(table_of(key.asset_key), key.name) for key in context.selected_asset_check_keys}
    for (table, check), results in by_check.items():
        if (table, check) not in wanted:
            continue
        blocking = any(result.blocking for result in results)
        yield dg.AssetCheckResult(
            passed=all(result.passed for result in results),
            asset_key=key_of(table),
            check_name=check,
            severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
            metadata={result.label: result.summary for result in results},
        )


def _metadata(report: RunReport, table: str) -> dict[str, str | int]:
    """Return what a run did to a table: rows, windows, commit and run."""
    nodes = [node for node in report.nodes if node.node == table]
    rows = [node.rows for node in nodes if node.rows is not None]
    told = {
        "run": report.run_id,
        "status": str(report.status),
        "commit": report.commit or "",
        "windows": "; ".join(dict.fromkeys(node.windows for node in nodes if node.windows)),
        "reason": "; ".join(dict.fromkeys(node.reason for node in nodes if node.reason)),
    }
    counts = {"rows": rows[-1]} if rows else {}
    published = (report.published or {}).get(mart_of(table))
    counts |= {} if published is None else {"published rows": published}
    return {key: text for key, text in told.items() if text} | counts


def _failure(error: Exception, report: RunReport | None) -> dg.Failure:
    told = {"run": report.run_id, "branch": report.branch or ""} if report else {}
    if isinstance(error, LakehouseError):
        message, told["what to do"] = error.message, error.advice
    else:
        message = unexpected(error)
    metadata = {key: text for key, text in told.items() if text}
    return dg.Failure(message, metadata=metadata, allow_retries=False)
