"""Merging validated rows into the raw table, and rejected ones into quarantine.

Only rows that are new or changed are written; only files that hold changed rows, and small
neighbours of the same time, are rewritten. An unchanged row keeps the run that wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import ibis

from lakehouse import layout, windows
from lakehouse.catalogs import Catalog, DataFile, StoredTable, TableChange
from lakehouse.engines.duckdb import DuckDB, parquet
from lakehouse.engines.sql import columns, nothing, quoted, text
from lakehouse.ingest.drift import WRITTEN, fields, remembered
from lakehouse.judgement import REASONS
from lakehouse.keys import MOST, Keys, union
from lakehouse.layout import FileSpan
from lakehouse.raw import INGESTED_AT, POSITION, RUN_ID, declared, fingerprint, landed
from lakehouse.state import Change, TableState
from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    from lakehouse.declare import IngestionSpec


@dataclass(frozen=True)
class Landing:
    """What became of the rows of one fetch; the other counts add up to `fetched`."""

    fetched: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    repeated: int = 0
    """Rows that the same fetch held again, newer."""

    def __add__(self, other: Landing) -> Landing:
        return Landing(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        named = (f"{count} {name}" for name, count in self.counts.items())
        return ", ".join(named) or "no rows"

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero, by name."""
        return {name: count for name, count in vars(self).items() if count}


@dataclass(frozen=True)
class Merge:
    """Where and as what rows are merged."""

    engine: DuckDB
    catalog: Catalog
    branch: str
    spec: IngestionSpec
    run_id: str
    at: datetime

    def land(
        self,
        validated: str,
        stored: StoredTable | None,
        covered: Windows,
        key: tuple[str, ...],
        paths: Sequence[str] = (),
        *,
        is_all: bool = False,
    ) -> tuple[Landing, StoredTable | None]:
        """Merge the valid rows of the temporary table into the raw table.

        `stored` is the raw table as it stands; `covered` are the windows that were fetched;
        `key` are the columns of the unique key whose changed values are remembered; `paths` the
        staged files, for the fields that they have. `is_all`: the source has no other rows. Gives
        the counts, and the table as it stands now if anything was written.
        """
        files = self._files(stored)
        current = fingerprint(self.spec)
        state = stored.state if stored else None
        afresh = state is not None and state.fingerprint != current
        counts = self._sort_out(validated, files, afresh=afresh)
        dirty = self._dirty() if counts.new or counts.changed else ()
        everywhere = windows.union([*(state.covered if state else ()), *covered])
        left = state.left if state else None
        if is_all and key:
            left = self._left(validated, files, key, afresh=afresh)
        written: StoredTable | None = None
        known = (state.covered, state.left) if state else None
        if dirty or afresh or (everywhere, left) != known:
            earlier = () if afresh or not state else state.changes
            after = TableState(current, earlier, archived=state.archived if state else None)
            if not after.changes or dirty:
                keys = self._keys(key) if dirty and not afresh else None
                after = after.after(Change(self.run_id, dirty or (ALL_TIME,), keys))
            rows = counts.new + sum(file.rows for file in files)
            span = layout.file_span(rows, everywhere)
            rewritten = files if afresh else self._rewritten(files, dirty, span)
            before = state.fields if state else ()
            seen = fields(self.engine, self.spec, paths) if dirty else frozenset()
            after = replace(after, covered=everywhere, fields=remembered(before, seen), left=left)
            times = [*dirty, *(file.span for file in rewritten)]
            column = layout.divided_by(self.spec.time_column, span, times)
            written = self._write(rewritten, after, counts, column, span)
        return counts, written

    def _sort_out(self, validated: str, files: list[DataFile], *, afresh: bool) -> Landing:
        """Tell incoming rows apart.

        `incoming` are the valid rows, one for each key; the temporary table `existing` says of
        those whose key is stored already where it is and whether nothing changed; `written` are
        those that changed or are new.
        """
        run, names, key = self.engine.connection.execute, columns(declared(self.spec)), self._key
        valid = f"FROM {quoted(validated)} WHERE {REASONS} = ''"
        total, good = self._counts(
            f"SELECT count(*), count(*) FILTER ({REASONS} = '') FROM {quoted(validated)}"
        )
        distinct = self.engine.scalar(f"SELECT count(*) FROM (SELECT DISTINCT {key} {valid})")
        # Telling the newest of each key apart sorts whole rows, and is hardly ever needed.
        newest = f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {POSITION} DESC) = 1"
        run(f"DROP VIEW IF EXISTS {WRITTEN}")
        run("DROP VIEW IF EXISTS incoming")
        run(
            f"CREATE TEMP VIEW incoming AS SELECT {names} {valid}"
            + (newest if distinct < good else "")
        )
        matched = self._match(files, distinct, afresh=afresh)
        holding = {path for (path,) in run("SELECT DISTINCT filename FROM matched").fetchall()}
        stored = self._rows([file for file in files if file.path in holding], afresh=afresh)
        same = " AND ".join(
            f"i.{quoted(name)} IS NOT DISTINCT FROM e.{quoted(name)}"
            for name in declared(self.spec)
        )
        kept = ", ".join(f"e.{quoted(name)}" for name in self._told_by)
        # Joining whole rows takes memory: only those that are stored.
        some = f" SEMI JOIN matched USING ({key})" if matched < distinct else ""
        run(
            f"CREATE OR REPLACE TEMP TABLE existing AS SELECT {kept}, filename, {same} AS is_same"
            f" FROM (SELECT * FROM {stored}) e"
            f" JOIN (SELECT * FROM incoming{some}) i USING ({key})"
        )
        known, same_as_before = self._counts(
            "SELECT count(*), count(*) FILTER (is_same) FROM existing"
        )
        unchanged = "(SELECT * FROM existing WHERE is_same)"
        run(
            f"CREATE TEMP VIEW {WRITTEN} AS SELECT {names} FROM incoming"
            + (f" ANTI JOIN {unchanged} USING ({key})" if same_as_before else "")
        )
        return Landing(
            fetched=total,
            new=distinct - known,
            changed=known - same_as_before,
            unchanged=same_as_before,
            quarantined=total - good,
            repeated=good - distinct,
        )

    def _match(self, files: list[DataFile], distinct: int, *, afresh: bool) -> int:
        """Make `matched`: the keys of incoming rows that are stored, and the file of each.

        A row comes again at about its time, as a rule: other files are read for the rest alone.
        """
        run, key, incoming = self.engine.connection.execute, self._key, "SELECT * FROM incoming"
        near = {file.path for file in (files if afresh else self._near(files))}
        some = [file for file in files if file.path in near]
        others = [file for file in files if file.path not in near]
        run(
            f"CREATE OR REPLACE TEMP TABLE matched AS SELECT {key}, filename"
            f" FROM {self._rows(some, afresh=afresh)} SEMI JOIN ({incoming}) USING ({key})"
        )
        matched = self.engine.scalar("SELECT count(*) FROM matched")
        if others and matched < distinct:
            run(
                f"INSERT INTO matched SELECT {key}, filename FROM {self._rows(others)}"
                f" SEMI JOIN ({incoming} ANTI JOIN matched USING ({key})) USING ({key})"
            )
            matched = self.engine.scalar("SELECT count(*) FROM matched")
        return matched

    def _near(self, files: list[DataFile]) -> list[DataFile]:
        """The files that may hold rows of the time of the incoming ones."""
        column = self.spec.time_column
        if column is None or not files:
            return files
        first, last = self.engine.connection.execute(
            f"SELECT min({quoted(column)}), max({quoted(column)}) FROM incoming"
        ).fetchone() or (None, None)
        if first is None:
            return []
        hull = (Window(first, last + timedelta.resolution),)
        return [file for file in files if file.may_hold(hull)]

    def _dirty(self) -> Windows:
        """The hours that hold a written row, as it was or as it is now."""
        if self.spec.time_column is None:
            return (ALL_TIME,)
        column = quoted(self.spec.time_column)
        hours = self.engine.connection.execute(
            f"SELECT DISTINCT date_trunc('hour', moment) FROM ("
            f" SELECT {column} AS moment FROM written UNION ALL"
            f" SELECT {column} FROM existing WHERE NOT is_same)"
        ).fetchall()
        return windows.union(Window(hour, windows.following(hour, "hour")) for (hour,) in hours)

    def _keys(self, columns: tuple[str, ...]) -> Keys | None:
        """The values of some columns of the unique key among the written rows."""
        if not columns:
            return None
        names = ", ".join(map(quoted, columns))
        found = self.engine.connection.execute(
            f"SELECT DISTINCT {names} FROM written LIMIT {MOST + 1}"
        ).fetchall()
        return union([Keys(columns, frozenset(found))])

    def _left(
        self,
        validated: str,
        files: list[DataFile],
        columns: tuple[str, ...],
        *,
        afresh: bool,
    ) -> Keys | None:
        """The values of some columns of the unique key that are stored and did not come."""
        names = ", ".join(map(quoted, columns))
        found = self.engine.connection.execute(
            f"SELECT DISTINCT {names} FROM {self._rows(files, afresh=afresh)}"
            f" ANTI JOIN {quoted(validated)} USING ({names}) LIMIT {MOST + 1}"
        ).fetchall()
        return union([Keys(columns, frozenset(found))]) if found else None

    def _rewritten(self, files: list[DataFile], dirty: Windows, span: FileSpan) -> list[DataFile]:
        """The files to replace: those with changed rows, and small ones of the same time."""
        if not dirty or not files:
            return []
        holding = {
            name
            for (name,) in self.engine.connection.execute(
                "SELECT DISTINCT filename FROM existing WHERE NOT is_same"
            ).fetchall()
        }
        near = files
        if self.spec.time_column is not None:
            units = windows.union(span.around(window) for window in dirty)
            near = [file for file in files if file.may_hold(units)]
        small = {file.path for file in near if file.rows < layout.SMALL_FILE_ROWS}
        return [file for file in files if file.path in holding or file.path in small]

    def _write(
        self,
        remove: list[DataFile],
        state: TableState,
        counts: Landing,
        column: str | None,
        span: FileSpan,
    ) -> StoredTable:
        """Replace files; the rows are divided by a column, if one file is not to hold them all."""
        spec, schema = self.spec, landed(self.spec)
        added: list[str] = []
        if remove or counts.new or counts.changed:
            names = columns(schema)
            kept = self._rows(remove, afresh=True)
            statement = (
                f"SELECT {names} FROM (SELECT *, {text(self.run_id)} AS {RUN_ID},"
                f" TIMESTAMPTZ {text(self.at.isoformat())} AS {INGESTED_AT} FROM written)"
                f" UNION ALL SELECT {names} FROM {kept}"
                f" ANTI JOIN (SELECT * FROM existing WHERE NOT is_same) USING ({self._key})"
            )
            folder = f"{self.catalog.location(spec.table)}/data"
            added, _ = self.engine.copy(statement, folder, column, span)
        return self.catalog.write(
            self.branch, TableChange(spec.table, schema.to_pyarrow(), remove, added, state)
        )

    @property
    def _key(self) -> str:
        return ", ".join(map(quoted, self.spec.unique_key))

    @property
    def _told_by(self) -> dict[str, None]:
        """The columns that tell which row it is, and where in time."""
        moment = self.spec.time_column
        return dict.fromkeys([*self.spec.unique_key, *([moment] if moment else [])])

    def _files(self, stored: StoredTable | None) -> list[DataFile]:
        if stored is None:
            return []
        return self.catalog.files(self.branch, stored.name, self.spec.time_column)

    def _rows(self, files: list[DataFile], *, afresh: bool = False) -> str:
        """The rows of these files with the file of each.

        `afresh`: the files may lack columns that the table has now; those are null.
        """
        schema = ibis.schema({**landed(self.spec), "filename": "string"})
        empty = nothing(schema, self.engine.dialect)
        if not files:
            return f"({empty})"
        rows = parquet((file.path for file in files), "filename = true")
        return f"({empty} UNION ALL BY NAME SELECT * FROM {rows})" if afresh else rows

    def _counts(self, sql: str) -> tuple[int, ...]:
        row = self.engine.connection.execute(sql).fetchone()
        return tuple(int(value or 0) for value in row or ())
