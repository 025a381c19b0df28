"""The steps that validate staged rows, and merge them into the raw table and its quarantine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lakehouse.build.builds import departed_keys
from lakehouse.catalogs import StoredTable
from lakehouse.checks.result import CheckResult
from lakehouse.compile.dag import Step
from lakehouse.declare.raw_columns import FILE_NAME
from lakehouse.declare.specs import IngestionSpec
from lakehouse.ingest import nulled_values, temporary_tables
from lakehouse.ingest.batches import Batch, batches
from lakehouse.ingest.drift import new_fields
from lakehouse.ingest.fetch import Fetched
from lakehouse.ingest.gone_rows import GoneRows
from lakehouse.ingest.merge_counts import MergeCounts
from lakehouse.ingest.newest_cursor import NewestCursor
from lakehouse.ingest.quarantine import (
    Quarantine,
    quarantine_table,
    too_many,
)
from lakehouse.ingest.raw_table import RawTableWriter
from lakehouse.ingest.refused_days import refused_days
from lakehouse.ingest.validate import Validated, validate
from lakehouse.plan import what_to_build
from lakehouse.records import code_history
from lakehouse.run.context import RunContext
from lakehouse.windows import hull


@dataclass
class Validation:
    """Validated rows of one ingestion, made batch by batch as the merge asks for them.

    So a fetch may be larger than memory. The node reports itself after its last batch.
    """

    context: RunContext
    spec: IngestionSpec
    fetched: Fetched
    seconds: float = 0.0

    @property
    def is_all(self) -> bool:
        """Whether a single batch holds everything that the source has."""
        asked = self.context.request.asks_sources
        is_whole = not any(piece.unread for piece in self.fetched.pieces)
        is_one = self.spec.is_read_whole and len(self.batches) == 1
        return is_one and is_whole and asked

    def __iter__(self) -> Iterator[Validated]:
        """Yield each batch of staged files, validated; one batch is in memory at a time."""
        duckdb, compiled = self.context.session.duckdb, self.context.session.compiled
        for batch in self.batches:
            since = time.perf_counter()
            validated = validate(
                duckdb,
                self.spec,
                compiled.quarantine_reasons[self.spec.name],
                batch.paths,
                unread=[*self._unread_files],
                are_many=batch.are_many,
            )
            self.seconds += time.perf_counter() - since
            yield validated
        node = f"{self.spec.name}.validate"
        self.context.report(Step.VALIDATE, node, rows=self.fetched.rows, seconds=self.seconds)

    @property
    def _unread_files(self) -> Iterator[str]:
        """Yield the files that could not be read, of which a part may be staged."""
        for piece in self.fetched.pieces:
            for unread in piece.unread:
                if FILE_NAME in unread.key:
                    yield str(unread.key[FILE_NAME])

    @cached_property
    def batches(self) -> list[Batch]:
        """The staged files, by batch."""
        return batches(self.fetched.paths, self.context.journal.path.parent)


def validate_rows(
    context: RunContext, name: str, _: Callable[..., Any], parents: Mapping[str, Any]
) -> Validation | None:
    """Return the validation of the staged rows of an ingestion; None if none were staged."""
    spec = context.ingestion(name)
    fetched: Fetched | None = next(iter(parents.values())).get(spec.name)
    return None if fetched is None else Validation(context, spec, fetched)


def merge(
    context: RunContext, name: str, _: Callable[..., Any], parents: Mapping[str, Any]
) -> None:
    """Write rows that are new or changed to the raw table, and the invalid ones to quarantine."""
    edit = context.request.edit
    if edit is not None and edit.name == name:
        edit.apply(context)
    validation: Validation | None = next(iter(parents.values()))
    if validation is None:
        return
    duckdb = context.session.duckdb
    try:
        with duckdb.sparing():
            _merge_all(context, name, validation)
    finally:
        duckdb.forget(temporary_tables.of_merge(validation.spec))


def _merge_all(context: RunContext, name: str, validation: Validation) -> None:
    """Merge one batch after the other, and report what became of the rows."""
    spec, total, nulled = validation.spec, MergeCounts(), Counter[str]()
    refused: list[CheckResult] = []
    before = context.tables.get(spec.table)
    gone = _gone_rows(context, validation, before)
    cursor = _newest_cursor(context, validation, before)
    for number, validated in enumerate(validation, start=1):
        if gone is not None:
            gone.note(validated.table)
        if cursor is not None:
            cursor.note(validated.table)
        is_last = number == len(validation.batches)
        counts = _write(context, validation, validated, gone if is_last else None, cursor)
        refused += _refused(context, validation) if counts.quarantined else []
        total += counts
        nulled += nulled_values.count(context.session.duckdb, spec, validated.table)
    after = context.tables.get(spec.table)
    drift = new_fields(spec, before, after)
    notes = [*filter(None, (drift, nulled_values.summary(nulled)))]
    notes += gone.warnings if gone else []
    for warning in notes:
        context.listener.warning(f"{spec.table}: {warning}")
    if after is not None and (before is None or after.state.version != before.state.version):
        context.changed[name] = after.state.changes[-1].windows
    note = "; ".join([str(total), *notes])
    context.report(Step.MERGE, spec.table, rows=total.written, note=note, other=validation.seconds)
    context.nodes[-1].counts = total.counts
    if context.request.asks_sources:
        context.checks += [*too_many(context.session.duckdb, spec, total), *refused]


def _refused(context: RunContext, validation: Validation) -> list[CheckResult]:
    """Look for days of which most rows of the batch were rejected."""
    spec = validation.spec
    key = what_to_build.key_columns(context.session.project, spec)
    (whole,) = hull(piece.window for piece in validation.fetched.pieces)
    return refused_days(context.session.duckdb, spec, key, whole)


def _gone_rows(
    context: RunContext, validation: Validation, stored: StoredTable | None
) -> GoneRows | None:
    """Return the search for rows that are gone; None if none can be, or the source was not asked.

    `stored` is the raw table as it was.
    """
    spec, asked = validation.spec, context.request.asks_sources
    if spec.deletes is None or not asked or stored is None or not stored.rows:
        return None
    own = [piece for piece in validation.fetched.pieces if not piece.is_kept]
    folder = context.folders.get(spec.name)
    key = what_to_build.key_columns(context.session.project, spec)
    if folder is not None:
        key = (FILE_NAME,)
    elif spec.is_read_whole and set(key) >= set(spec.unique_key):
        key = ()  # a row is no part of the source to have doubts about
    departed = departed_keys(context.session.compiled, context.tables, key)
    return GoneRows(context.session.duckdb, spec, own, key, departed, context.run_id, folder)


def _newest_cursor(
    context: RunContext, validation: Validation, stored: StoredTable | None
) -> NewestCursor | None:
    """Return the cursor that the fetch moves; None if the source was not asked by one."""
    spec, pieces = validation.spec, validation.fetched.pieces
    if spec.cursor is None or not context.request.asks_sources or not pieces:
        return None
    return NewestCursor(
        context.session.duckdb,
        spec,
        stored.state if stored else None,
        asked_at=min(piece.asked_at for piece in pieces),
        is_whole=not any(piece.unread for piece in pieces),
        starts_anew=context.request.full_refresh,
    )


def _write(
    context: RunContext,
    validation: Validation,
    validated: Validated,
    gone: GoneRows | None,
    cursor: NewestCursor | None,
) -> MergeCounts:
    """Merge a validated batch into the raw table and its quarantine, and count its rows.

    `gone` finds rows that are gone, in the last batch; `cursor` has the newest value so far.
    """
    spec = validation.spec
    duckdb, catalog = context.session.duckdb, context.session.catalog
    target = (duckdb, catalog, context.branch, spec, context.run_id, context.started)
    by_time = spec.by_window and context.request.asks_sources
    fetched = validation.fetched if by_time else None
    key = what_to_build.key_columns(context.session.project, spec)
    stored = context.tables.get(spec.table)
    listed = context.listed.pop(spec.name, None)
    files = listed.result() if listed else context.files(spec)
    folder = context.folders.get(spec.name)
    counts, after = RawTableWriter(*target, folder).write(
        validated, stored, files, fetched, key, is_all=validation.is_all, gone=gone, cursor=cursor
    )
    quarantined = context.tables.get(quarantine_table(spec))
    rejected = Quarantine(*target).update(validated.table, counts.quarantined, quarantined)
    for written in filter(None, (after, rejected)):
        context.keep(written)
    if after is not None:
        statements = code_history.parts(context.session.compiled, spec.name)
        code_history.keep(context.session.settings.warehouse, after.state.fingerprint, statements)
    return counts
