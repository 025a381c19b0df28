"""The steps that open resources, fetch ingestions, and stage their pages as Parquet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

from lakehouse import windows
from lakehouse.compile.dag import Step
from lakehouse.declare.project_code import placed
from lakehouse.declare.raw_columns import fingerprint
from lakehouse.declare.specs import SINCE, IngestionSpec
from lakehouse.ingest import folder
from lakehouse.ingest.fetch import Done, Fetch, Fetched, fetch_all
from lakehouse.ingest.quarantine import (
    quarantine_table,
    quarantined_rows,
)
from lakehouse.plan import cursor, what_to_build
from lakehouse.plan.key_windows import Key, key_of
from lakehouse.records.run_records import UnreadReport
from lakehouse.run.context import RunContext, owner
from lakehouse.windows import ALL_TIME, Window


def resource(
    context: RunContext, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
) -> Any:
    """Open a resource that a selected ingestion needs; it is closed when the run ends."""
    specs = context.session.project.ingestions.values()
    if not context.request.asks_sources or not any(
        name in spec.inputs and spec.name in context.request.selected for spec in specs
    ):
        return None
    with placed(f"the resource {name} could not be opened"):
        value = function(**parents)
    if hasattr(value, "close"):
        context.resources.enter_context(closing(value))
    return value


def fetch(
    context: RunContext, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
) -> Any:
    """Return the fetch of an ingestion's windows, if there are any; staging draws its pages."""
    spec = context.ingestion(name)
    edit = context.request.edit
    if spec.name not in context.request.selected or (edit and edit.name != spec.name):
        return None
    if edit is not None:
        rows = edit.fetch(context)
        return rows and replace(rows, report=partial(_report, context, spec.name))
    if context.request.retry:
        return _refetch(context, spec)
    return _from_source(context, spec, function, parents)


def _from_source(
    context: RunContext,
    spec: IngestionSpec,
    function: Callable[..., Any],
    parents: Mapping[str, Any],
) -> Fetch | None:
    """Return the fetch of what a source may have of the run's windows, changes or files."""
    stored = context.tables.get(spec.table)
    state = stored.state if stored else None
    wanted = what_to_build.fetch_windows(spec, context.request.windows, state)
    if not wanted:
        context.listener.warning(f"{spec.table}: that time is archived, and not fetched again")
        return None
    told: dict[str, Any] = {}
    if spec.cursor is not None:
        told = {SINCE: None if context.request.full_refresh else cursor.since(spec, state)}
    report = partial(_report, context, spec.name)
    if spec.files is None:
        return Fetch(spec, function, parents, wanted, report, told)
    root, everything = context.session.settings.root, context.request.full_refresh
    files = folder.folder(spec, root, state, everything=everything)
    if state is not None and not files.is_new and state.fingerprint == fingerprint(spec):
        return None
    context.folders[spec.name] = files
    return Fetch(spec, function, parents, wanted, report, folder=files)


def stage(context: RunContext, name: str, _: Callable[..., Any], parents: Mapping[str, Any]) -> Any:
    """Stage what a group of ingestions fetches, page by page."""
    fetches = {owner(node): fetch for node, fetch in parents.items() if fetch is not None}
    if not fetches:
        return {}
    # While another process stages pages, a thread lists the files that they will be merged with.
    with ThreadPoolExecutor(1) as thread:
        context.listed |= {
            ingestion: thread.submit(context.files, fetch.spec)
            for ingestion, fetch in fetches.items()
        }
        fetched = fetch_all(
            fetches,
            group=owner(name),
            journal=context.journal,
            workers=context.request.workers,
            staging=context.session.staging,
            progress=partial(_show_progress, context),
            once_read=partial(context.session.prepare, context.branch),
            now=context.now,
        )
    for ingestion, pages in fetched.items():
        fetches[ingestion].report(pages)
    fetching = sum(pages.seconds for pages in fetched.values())
    rows = sum(pages.rows for pages in fetched.values())
    context.report(Step.STAGE, f"{owner(name)}.stage", rows=rows, other=fetching)
    return fetched


def _refetch(context: RunContext, spec: IngestionSpec) -> Fetch | None:
    """Return a fetch that reads the quarantine of an ingestion instead of its source."""
    table = quarantine_table(spec)
    if table not in context.tables:
        return None
    files = context.session.catalog.files(context.branch, table)
    rows = quarantined_rows(context.session.duckdb, spec, files)
    report = partial(_report, context, spec.name)
    return Fetch(spec, lambda **_: iter([rows]), {}, (ALL_TIME,), report)


def _report(context: RunContext, name: str, fetched: Fetched) -> None:
    """Report the rows that a fetch read from its source, and how long it was waited for."""
    unread = [*_unread(context.session.project.ingestions[name].table, fetched)]
    notes = [f"{len(fetched.failed)} windows failed"] if fetched.failed else []
    notes += [f"{len(unread)} keys could not be read"] if unread else []
    context.report(
        Step.FETCH,
        f"{name}.fetch",
        rows=fetched.rows,
        seconds=fetched.seconds,
        note="; ".join(notes),
    )
    context.failed |= fetched.failed
    context.unread += unread
    for key in unread:
        context.listener.warning(f"{key.summary}: {key.message}")


def _unread(table: str, fetched: Fetched) -> Iterator[UnreadReport]:
    """Yield the keys that could not be read for a reason, each with its windows."""
    spans: dict[tuple[Key, str, str], list[Window]] = {}
    for piece in fetched.pieces:
        for unread in piece.unread:
            reason = (key_of(unread.key), unread.message, unread.hint)
            spans.setdefault(reason, []).append(piece.window)
    for (key, message, hint), parts in spans.items():
        shown = " ".join(map(str, windows.union(parts)))
        yield UnreadReport(table, dict(key), shown, message, hint)


def _show_progress(context: RunContext, done: Done) -> None:
    """Tell the listener how far a fetch in several pieces is."""
    if done.of > 1:
        spent = time.perf_counter() - context.since
        remaining = spent / done.number * (done.of - done.number)
        message = f"fetched {done.number} of {done.of} windows, {remaining:.0f} s left"
        context.listener.progress(message)
    window = min(done.pieces.values(), key=lambda window: window.end - window.start)
    if done.error:
        context.listener.warning(f"{window} failed: {done.error}")
    else:
        what = "was fetched before" if done.is_kept else "fetched"
        context.listener.detail(f"{window} {what}")
