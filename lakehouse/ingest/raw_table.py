"""Upsert of validated rows into the raw table.

Only new and changed rows are written; only files that hold changed rows, and small files of the
same time, are rewritten. An unchanged row keeps the run that wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from lakehouse import windows
from lakehouse.catalogs import Catalog, DataFile, StoredTable, TableChange
from lakehouse.declare.column_types import arrow_schema
from lakehouse.declare.raw_columns import (
    FILE_NAME,
    GONE_AT,
    GONE_RUN,
    INGESTED_AT,
    RUN_ID,
    fingerprint,
    kept,
)
from lakehouse.engines.duckdb import DuckDB
from lakehouse.engines.sql import columns, literal
from lakehouse.ingest import marks
from lakehouse.ingest.drift import fields, remembered
from lakehouse.ingest.fetch import Fetched
from lakehouse.ingest.folder import Folder
from lakehouse.ingest.gone_rows import GoneRows
from lakehouse.ingest.merge_counts import MergeCounts
from lakehouse.ingest.newest_cursor import NewestCursor
from lakehouse.ingest.row_comparison import RowComparison
from lakehouse.ingest.temporary_tables import EXISTING, GONE, IS_SAME, WRITTEN
from lakehouse.ingest.validate import Validated
from lakehouse.plan import file_spans
from lakehouse.plan.file_spans import FileSpan
from lakehouse.plan.state import Change, TableState
from lakehouse.windows import ALL_TIME, Windows

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec


@dataclass(frozen=True)
class RawTableWriter:
    """Writes the raw table of one ingestion on a run's branch; `at` is when the run began."""

    engine: DuckDB
    catalog: Catalog
    branch: str
    spec: IngestionSpec
    run_id: str
    at: datetime
    folder: Folder | None = None
    """The files that the run reads, if the source is a folder."""

    def write(
        self,
        validated: Validated,
        stored: StoredTable | None,
        files: list[DataFile],
        fetched: Fetched | None,
        key: tuple[str, ...],
        *,
        is_all: bool = False,
        gone: GoneRows | None = None,
        cursor: NewestCursor | None = None,
    ) -> tuple[MergeCounts, StoredTable | None]:
        """Merge the valid rows into the raw table.

        `stored` is the raw table before, with its `files`; `fetched` says which windows were
        fetched, and is None if they do not count; `key` are the key columns for which the state
        notes which values changed. With `is_all`, the rows are all that the source has, so stored
        keys that they lack have departed. `gone` finds the rows that are gone, in the last batch;
        `cursor` has the newest value so far, if the source was asked by one.
        Return the counts, and the table as it is now, or None if nothing was written.
        """
        comparison = self._comparison
        state = stored.state if stored else None
        is_new_code = state is not None and state.fingerprint != fingerprint(self.spec)
        if is_new_code:
            comparison.require_castable(files)
        counts, holding = comparison.classify(validated.table, files, may_lack_columns=is_new_code)
        doubted = state.doubted if state and self.spec.deletes else ()
        if cursor is not None:
            cursor.require_forward()
        if gone is not None:
            departures = gone.find(comparison, files, doubted, may_lack_columns=is_new_code)
            counts, doubted = replace(counts, gone=departures.count), departures.doubted
            holding |= departures.paths
        departed = state.departed_keys if state else None
        if is_all and key:
            departed = comparison.departed_keys(
                validated.table, files, key, may_lack_columns=is_new_code
            )
        after = replace(self._after_fetch(state, fetched), departed_keys=departed, doubted=doubted)
        after = self._after_asking(after, cursor, gone)
        dirty = comparison.dirty(with_gone=counts.gone > 0) if counts.written else ()
        has_moved = state is not None and cursor is not None and cursor.has_moved(state, after)
        if not (dirty or is_new_code or state is None or has_moved or self._is_news(state, after)):
            return counts, None
        if not self.spec.by_window and self.spec.time_column is not None:
            after = replace(
                after, covered=windows.before(windows.hull([*after.covered, *dirty]), self.at)
            )
        if is_new_code:
            after = replace(after, changes=())
        if not after.changes or dirty:
            keys = None
            if dirty and not is_new_code:
                keys = comparison.changed_keys(key, with_gone=counts.gone > 0)
            after = after.with_change(Change(self.run_id, dirty or (ALL_TIME,), keys))
        rows = counts.new + sum(file.rows for file in files)
        span = file_spans.file_span(rows, after.covered)
        rewritten = files if is_new_code else self._to_rewrite(files, holding, dirty, span)
        seen = fields(self.engine, self.spec, validated.fetched) if dirty else frozenset()
        after = replace(after, fields=remembered(after.fields, seen))
        times = [*dirty, *(file.span for file in rewritten)]
        column = file_spans.divided_by(self.spec.time_column, span, times)
        before = state.declared if state and is_new_code else self.spec.declared
        is_marked_anew = before.get("deletes", "") != self.spec.declared["deletes"]
        return counts, self._replace(
            rewritten, after, counts, column, span, is_marked_anew=is_marked_anew
        )

    def _after_fetch(self, state: TableState | None, fetched: Fetched | None) -> TableState:
        """Return the state with the windows that were fetched, for all keys or for some."""
        before = state or TableState("", ())
        if before.declared.get("cursor") != self.spec.declared["cursor"]:
            before = replace(before, cursor=None)
        covered, unread = before.covered_by(self.at), before.unread
        if fetched is not None:
            covered = windows.union([*covered, *fetched.covered])
            unread = fetched.unread_after(unread, self.run_id)
        return replace(
            before,
            fingerprint=fingerprint(self.spec),
            declared=self.spec.declared,
            covered=covered,
            unread=unread,
        )

    def _after_asking(
        self, state: TableState, cursor: NewestCursor | None, gone: GoneRows | None
    ) -> TableState:
        """Return the state with what the source is asked by: a cursor, or files."""
        after = state if cursor is None else cursor.after(state)
        if self.folder is None:
            return after
        doubted = {str(dict(entry.key).get(FILE_NAME)) for entry in state.doubted}
        has_shared = gone is not None and gone.has_shared
        return self.folder.after(after, doubted, has_shared=has_shared)

    def _is_news(self, before: TableState, after: TableState) -> bool:
        """Return whether what a fetch says beside its rows is worth a commit."""
        return (
            after.departed_keys != before.departed_keys
            or after.doubted != before.doubted
            or after.files_share != before.files_share
            or _contents(after) != _contents(before)
            or before.is_worth_a_commit(after.covered, after.unread, self.at)
        )

    @cached_property
    def _comparison(self) -> RowComparison:
        touched = self.folder.touched if self.folder is not None else frozenset[str]()
        return RowComparison(self.engine, self.spec, self.run_id, touched)

    def _to_rewrite(
        self, files: list[DataFile], holding: set[str], dirty: Windows, span: FileSpan
    ) -> list[DataFile]:
        """Return the files to replace: those with changed rows, and small ones of the same time.

        `holding` are the paths of the files with changed rows.
        """
        if not dirty or not files:
            return []
        near = files
        if self.spec.time_column is not None:
            units = windows.union(span.around(window) for window in dirty)
            near = [file for file in files if file.may_hold(units)]
        small = {file.path for file in near if file.rows < file_spans.SMALL_FILE_ROWS}
        return [file for file in files if file.path in holding or file.path in small]

    def _replace(
        self,
        remove: list[DataFile],
        state: TableState,
        counts: MergeCounts,
        column: str | None,
        span: FileSpan,
        *,
        is_marked_anew: bool,
    ) -> StoredTable:
        """Replace files by new ones, which hold their unchanged rows and all new and changed ones.

        The rows are divided into files by the time in `column`; None means a single file. With
        `is_marked_anew`, marks of stored rows follow from what the source says of them alone.
        """
        comparison = self._comparison
        spec, schema = self.spec, kept(self.spec)
        added: list[str] = []
        if remove or counts.written:
            names = columns(schema)
            stay = comparison.rows(remove, may_lack_columns=True)
            stay = self._marked_anew(stay) if is_marked_anew else stay
            stay = self._marked(stay) if counts.gone else stay
            of_row = marks.of_row(spec, WRITTEN, self._now, self._run) if spec.deletes else {}
            own = {**of_row, RUN_ID: self._run, INGESTED_AT: self._now}
            added_columns = ", ".join(f"{value} AS {name}" for name, value in own.items())
            statement = (
                f"SELECT {names} FROM (SELECT *, {added_columns} FROM {WRITTEN})"
                f" UNION ALL SELECT {names} FROM {stay}"
                f" ANTI JOIN (SELECT * FROM {EXISTING} WHERE NOT {IS_SAME})"
                f" USING ({comparison.key})"
            )
            folder = f"{self.catalog.location(spec.table)}/data"
            added, _ = self.engine.copy(statement, folder, column, span)
        return self.catalog.write(
            self.branch, TableChange(spec.table, arrow_schema(schema), remove, added, state)
        )

    def _marked_anew(self, rows: str) -> str:
        if not self.spec.deletes:
            return rows
        of_row = marks.of_row(self.spec, "stored", self._now, self._run)
        replaced = ", ".join(f"{value} AS {name}" for name, value in of_row.items())
        return f"(SELECT * REPLACE ({replaced}) FROM {rows} AS stored)"

    def _marked(self, rows: str) -> str:
        """Return a relation of stored rows, those in GONE with the marks of this run."""
        key, is_gone = self._comparison.key, "_lakehouse_is_gone"
        marks = ", ".join(
            f"CASE WHEN {is_gone} THEN {value} ELSE {name} END AS {name}"
            for name, value in ((GONE_AT, self._now), (GONE_RUN, self._run))
        )
        gone = f"(SELECT {key}, true AS {is_gone} FROM {GONE})"
        return f"(SELECT * REPLACE ({marks}) FROM {rows} LEFT JOIN {gone} USING ({key}))"

    @property
    def _run(self) -> str:
        return literal(self.run_id)

    @property
    def _now(self) -> str:
        return f"TIMESTAMPTZ {literal(self.at.isoformat())}"


def _contents(state: TableState) -> dict[str, str]:
    return {name: seen.digest for name, seen in state.files.items()}
