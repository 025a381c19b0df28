"""The step that copies a seed or a table of others, if it changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lakehouse.catalogs import MAIN, StoredTable
from lakehouse.compile.compiler import Compiled
from lakehouse.compile.dag import Step
from lakehouse.declare.copies import CopySpec, fingerprint
from lakehouse.errors import SourceError
from lakehouse.ingest import origins
from lakehouse.ingest.copies import CopyWriter
from lakehouse.plan.state import TableState
from lakehouse.records import code_history
from lakehouse.run.context import RunContext
from lakehouse.session import Session
from lakehouse.windows import ALL_TIME


def copy(context: RunContext, name: str, _: Callable[..., Any], __: Mapping[str, Any]) -> None:
    """Write the rows of an origin to its table, unless they are the same."""
    if name not in context.request.selected or not context.request.asks_sources:
        return
    since, session = time.perf_counter(), context.session
    spec = session.project.copies[name]
    with _declared_at(spec.place):
        rows, stored = _written(context, spec, context.tables.get(spec.table))
    note = "unchanged"
    if stored is not None:
        context.keep(stored)
        context.changed[name] = (ALL_TIME,)
        statements = code_history.parts(session.compiled, name)
        code_history.keep(session.settings.warehouse, stored.state.fingerprint, statements)
        columns = session.compiled.schemas[name].items()
        note = f"columns: {', '.join(f'{column} {kind}' for column, kind in columns)}"
    seconds = time.perf_counter() - since
    context.report(Step.COPY, spec.table, rows=rows, note=note, seconds=seconds)


def _written(
    context: RunContext, spec: CopySpec, before: StoredTable | None
) -> tuple[int | None, StoredTable | None]:
    """Copy an origin, if its version is new; return its rows, and the table if they differ."""
    session = context.session
    where = session.catalog, context.branch
    version = origins.version(spec, session.settings, *where)
    if _is_of(version, spec, session.compiled, before.state if before else None):
        return None, None
    with origins.opened(spec, session.settings, session.duckdb, *where) as opened:
        writer = CopyWriter(session.duckdb, session.catalog, context.branch, spec, context.run_id)
        return writer.write(opened, version, before)


@contextmanager
def _declared_at(place: str) -> Iterator[None]:
    """Name the declaration of a table of others in an error of its origin."""
    try:
        yield
    except SourceError as error:
        if error.place or not place:
            raise
        raise SourceError(error.message, hint=error.hint, place=place) from error


def is_news(session: Session, name: str, state: TableState | None) -> bool:
    """Return whether a run would read the origin of a copy, whose table has this state."""
    spec = session.project.copies[name]
    with _declared_at(spec.place):
        version = origins.version(spec, session.settings, session.catalog, MAIN)
    return not _is_of(version, spec, session.compiled, state)


def _is_of(version: str, spec: CopySpec, compiled: Compiled, state: TableState | None) -> bool:
    """Return whether a table was copied from this version of its origin, with these columns."""
    return (
        state is not None
        and bool(version)
        and state.parents == {str(spec.origin): version}
        and state.fingerprint == fingerprint(compiled.schemas[spec.name])
    )
