"""Merging validated rows into the raw table, and rejected ones into quarantine.

Only rows that are new or changed are written; only files that hold changed rows, and small
neighbours of the same time, are rewritten. An unchanged row keeps the run that wrote it.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import ibis

from lakehouse import layout, windows
from lakehouse.catalogs import Catalog, DataFile, StoredTable, TableChange
from lakehouse.engines.duckdb import DuckDB, parquet
from lakehouse.engines.sql import columns, nothing, quoted, text
from lakehouse.ingest.drift import WRITTEN, fields, remembered
from lakehouse.ingest.validate import Validated
from lakehouse.judgement import REASONS
from lakehouse.keys import MOST, Keys, union
from lakehouse.layout import FileSpan
from lakehouse.raw import INGESTED_AT, POSITION, RUN_ID, declared, fingerprint, landed
from lakehouse.state import Change, TableState
from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    from lakehouse.declare import IngestionSpec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_MICROSECONDS = _HOUR // timedelta.resolution


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
        validated: Validated,
        stored: StoredTable | None,
        files: list[DataFile],
        covered: Windows,
        key: tuple[str, ...],
        *,
        is_all: bool = False,
    ) -> tuple[Landing, StoredTable | None]:
        """Merge the valid rows into the raw table.

        `stored` is the raw table as it stands, with its `files`; `covered` are the windows that
        were fetched; `key` are the columns of the unique key whose changed values are remembered.
        `is_all`: the source has no other rows. Gives the counts, and the table as it stands now
        if anything was written.
        """
        current = fingerprint(self.spec)
        state = stored.state if stored else None
        afresh = state is not None and state.fingerprint != current
        counts, holding = self._sort_out(validated.table, files, afresh=afresh)
        dirty = self._dirty() if counts.new or counts.changed else ()
        everywhere = windows.union([*(state.covered if state else ()), *covered])
        left = state.left if state else None
        if is_all and key:
            left = self._left(validated.table, files, key, afresh=afresh)
        written: StoredTable | None = None
        news = state is None or left != state.left or state.is_news(covered, self.at)
        if dirty or afresh or news:
            earlier = () if afresh or not state else state.changes
            after = TableState(current, earlier, archived=state.archived if state else None)
            if not after.changes or dirty:
                keys = self._keys(key) if dirty and not afresh else None
                after = after.after(Change(self.run_id, dirty or (ALL_TIME,), keys))
            rows = counts.new + sum(file.rows for file in files)
            span = layout.file_span(rows, everywhere)
            rewritten = files if afresh else self._rewritten(files, holding, dirty, span)
            before = state.fields if state else ()
            seen = fields(self.engine, self.spec, validated.fetched) if dirty else frozenset()
            after = replace(after, covered=everywhere, fields=remembered(before, seen), left=left)
            times = [*dirty, *(file.span for file in rewritten)]
            column = layout.divided_by(self.spec.time_column, span, times)
            written = self._write(rewritten, after, counts, column, span)
        return counts, written

    def _sort_out(
        self, validated: str, files: list[DataFile], *, afresh: bool
    ) -> tuple[Landing, set[str]]:
        """Tell incoming rows apart; also gives the files that hold changed ones.

        `incoming` are the valid rows, one for each key; the temporary table `existing` says of
        those whose key is stored already where it is and whether nothing changed; `written` are
        those that changed or are new.
        """
        run, names, key = self.engine.connection.execute, columns(declared(self.spec)), self._key
        valid = f"FROM {quoted(validated)} WHERE {REASONS} = ''"
        total, good, distinct, *hull = run(
            f"SELECT count(*), count(*) FILTER ({REASONS} = ''),"
            f" (SELECT count(*) FROM (SELECT DISTINCT {key} {valid})), {self._hull}"
            f" FROM {quoted(validated)}"
        ).fetchone() or (0, 0, 0, None, None)
        # Telling the newest of each key apart sorts whole rows, and is hardly ever needed.
        newest = f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {POSITION} DESC) = 1"
        run(
            f"CREATE OR REPLACE TEMP VIEW incoming AS SELECT {names} {valid}"
            + (newest if distinct < good else "")
        )
        found = self._match(files, self._near(files, *hull), distinct, afresh=afresh)
        known, same = (sum(each) for each in zip((0, 0), *found.values(), strict=True))
        unchanged = "(SELECT * FROM existing WHERE is_same)"
        run(
            f"CREATE OR REPLACE TEMP VIEW {WRITTEN} AS SELECT {names} FROM incoming"
            + (f" ANTI JOIN {unchanged} USING ({key})" if same else "")
        )
        landing = Landing(
            fetched=total,
            new=distinct - known,
            changed=known - same,
            unchanged=same,
            quarantined=total - good,
            repeated=good - distinct,
        )
        return landing, {path for path, (rows, alike) in found.items() if alike < rows}

    def _match(
        self, files: list[DataFile], near: list[DataFile], distinct: int, *, afresh: bool
    ) -> dict[str, tuple[int, int]]:
        """Make `existing`; how many of its rows each file has, and how many did not change.

        A row comes again at about its time, as a rule: other files are read for the rest alone.
        """
        run, place = self.engine.connection.execute, "CREATE OR REPLACE TEMP TABLE existing AS"
        first, incoming = files if afresh else near, "incoming"
        looked_at = {file.path for file in first}
        if sum(file.rows for file in first) > layout.COMPARED_ROWS:
            first, incoming = self._holding(first, incoming, afresh=afresh)
        run(f"{place} {self._compared(first, incoming, afresh=afresh)}")
        found = self._found()
        others = [file for file in files if file.path not in looked_at]
        if others and sum(rows for rows, _ in found.values()) < distinct:
            rest = f"(SELECT * FROM incoming ANTI JOIN existing USING ({self._key}))"
            holding, again = self._holding(others, rest)
            run(f"INSERT INTO existing {self._compared(holding, again)}")
            found = self._found()
        return found

    def _holding(
        self, files: list[DataFile], incoming: str, *, afresh: bool = False
    ) -> tuple[list[DataFile], str]:
        """The files that hold keys of `incoming`, and its rows with these keys.

        Joining whole rows takes memory, and reading them time: of many, keys are read first.
        """
        key, run = self._key, self.engine.connection.execute
        run(
            f"CREATE OR REPLACE TEMP TABLE matched AS SELECT {key}, filename"
            f" FROM {self._rows(files, afresh=afresh)} SEMI JOIN {incoming} USING ({key})"
        )
        holding = {path for (path,) in run("SELECT DISTINCT filename FROM matched").fetchall()}
        stored = [file for file in files if file.path in holding]
        return stored, f"(SELECT * FROM {incoming} SEMI JOIN matched USING ({key}))"

    def _compared(self, files: list[DataFile], incoming: str, *, afresh: bool = False) -> str:
        """The SELECT of the rows of `incoming` that files have, and whether they are the same."""
        key = self._key
        same = " AND ".join(
            f"i.{quoted(name)} IS NOT DISTINCT FROM e.{quoted(name)}"
            for name in declared(self.spec)
        )
        kept = ", ".join(f"e.{quoted(name)}" for name in self._told_by)
        return (
            f"SELECT {kept}, filename, {same} AS is_same"
            f" FROM (SELECT * FROM {self._rows(files, afresh=afresh)}) e"
            f" JOIN {incoming} i USING ({key})"
        )

    def _found(self) -> dict[str, tuple[int, int]]:
        rows = self.engine.execute(
            "SELECT filename, count(*), count(*) FILTER (is_same) FROM existing GROUP BY filename"
        ).fetchall()
        return {path: (count, same) for path, count, same in rows}

    @property
    def _hull(self) -> str:
        """The least and the greatest time of the valid rows, to be selected."""
        column = self.spec.time_column
        if column is None:
            return "NULL, NULL"
        return ", ".join(
            f"{edge}({quoted(column)}) FILTER ({REASONS} = '')" for edge in ("min", "max")
        )

    def _near(
        self, files: list[DataFile], first: datetime | None, last: datetime | None
    ) -> list[DataFile]:
        """The files that may hold rows of the time of the incoming ones."""
        if self.spec.time_column is None:
            return files
        if first is None or last is None:
            return []
        hull = (Window(first, last + timedelta.resolution),)
        return [file for file in files if file.may_hold(hull)]

    def _dirty(self) -> Windows:
        """The hours that hold a written row, as it was or as it is now."""
        if self.spec.time_column is None:
            return (ALL_TIME,)
        column = quoted(self.spec.time_column)
        # A number: date_trunc() would look every row up in the calendar of its zone.
        hours = self.engine.execute(
            f"SELECT DISTINCT CAST(floor(epoch_us(moment) / {_MICROSECONDS}) AS BIGINT) FROM ("
            f" SELECT {column} AS moment FROM written UNION ALL"
            f" SELECT {column} FROM existing WHERE NOT is_same)"
        ).fetchall()
        starts = (_EPOCH + number * _HOUR for (number,) in hours)
        return windows.union(Window(start, start + _HOUR) for start in starts)

    def _keys(self, columns: tuple[str, ...]) -> Keys | None:
        """The values of some columns of the unique key among the written rows."""
        if not columns:
            return None
        names = ", ".join(map(quoted, columns))
        found = self.engine.execute(
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
        found = self.engine.execute(
            f"SELECT DISTINCT {names} FROM {self._rows(files, afresh=afresh)}"
            f" ANTI JOIN {quoted(validated)} USING ({names}) LIMIT {MOST + 1}"
        ).fetchall()
        return union([Keys(columns, frozenset(found))]) if found else None

    def _rewritten(
        self, files: list[DataFile], holding: set[str], dirty: Windows, span: FileSpan
    ) -> list[DataFile]:
        """The files to replace: those that hold changed rows, and small ones of the same time."""
        if not dirty or not files:
            return []
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
