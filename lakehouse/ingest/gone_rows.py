"""Gone rows: stored rows that the source no longer has, or has only in a version that is invalid.

A run marks them in the raw table, for ingestions that declare `deletes`. A day, or the whole, of
which rows are stored and none came is doubted first: its rows stay until a later run finds none
either. A source that says itself what it has deleted is believed, and nothing else is missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakehouse import windows
from lakehouse.catalogs import DataFile
from lakehouse.compile.quarantine_reasons import REASONS
from lakehouse.declare.raw_columns import FILE_NAME, GONE_AT, file_column, validated
from lakehouse.declare.soft_delete import SoftDelete
from lakehouse.engines.duckdb_relations import FILE
from lakehouse.engines.sql import covered, having, identifier
from lakehouse.ingest import file_rows, versions
from lakehouse.ingest.folder import Folder
from lakehouse.ingest.temporary_tables import GONE, MOMENT, RETURNED
from lakehouse.keys import Keys, Value
from lakehouse.plan import key_windows
from lakehouse.plan.key_windows import Key, KeyWindows, in_words
from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.ingest.piece import Piece
    from lakehouse.ingest.row_comparison import RowComparison

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_DAY_OF = f"CAST(floor(epoch_us({MOMENT}) / {_DAY // timedelta.resolution}) AS BIGINT)"
"""SQL of the number of the UTC day of a moment, counted from 1970."""
_IS_VALID, _IS_REJECTED, _NUMBER, _NEWNESS = (
    f"_lakehouse_{name}" for name in ("valid", "rejected", "day", "newness")
)
_NAMED = 5
"""Days in doubt that are named in warnings, at most."""


@dataclass(frozen=True)
class Departures:
    """The rows that a fetch found to be gone; the temporary table GONE has their keys."""

    count: int
    paths: frozenset[str]
    """The files that hold them."""
    doubted: tuple[KeyWindows, ...]
    """Days of which rows are stored and none came, by key."""


@dataclass(frozen=True)
class _SilentDay:
    """A UTC day of a key, or all time: rows of it are stored, and the source returned none."""

    key: Key
    number: int | None
    """Days since 1970; None: all time."""
    rows: int
    span: Window
    """The time from the first to the last of these rows."""

    @property
    def window(self) -> Window:
        if self.number is None:
            return ALL_TIME
        start = _EPOCH + self.number * _DAY
        return Window(start, start + _DAY)

    def __str__(self) -> str:
        of = f" of {in_words(self.key)}" if self.key else ""
        on = "" if self.number is None else f" on {self.window.start:%Y-%m-%d}"
        return (
            f"the source has no rows{of}{on} any more, and {self.rows} are stored: they stay until"
            " a later run finds none either"
        )


@dataclass
class GoneRows:
    """Search for the gone rows of one raw table in one run, after all its batches are noted."""

    engine: DuckDB
    spec: IngestionSpec
    pieces: Sequence[Piece]
    """The pieces that this run read itself: those of an earlier run may be out of date."""
    key: tuple[str, ...]
    """Columns by whose values rows belong together, such as a site; empty: all of them do."""
    departed: Keys | None
    """Keys that the source no longer lists: it is not asked for their rows."""
    run_id: str
    folder: Folder | None = None
    """The files that were read and those that are absent, if the source is a folder."""
    has_shared: bool = False
    """Whether a key was found in several files of it."""
    warnings: list[str] = field(default_factory=list)
    """What people are to be told."""
    _has_noted: bool = field(default=False)

    def note(self, batch: str) -> None:
        """Note the rows of a batch, a temporary table of validated rows, as returned."""
        names = ", ".join([self._unique_key, *file_column(self.spec)])
        rows = (
            f"SELECT {names}, {self._time} AS {MOMENT}, {REASONS} = '' AS {_IS_VALID},"
            f" {versions.newness(self.spec)} AS {_NEWNESS} FROM {identifier(batch)}"
        )
        into = f"INSERT INTO {RETURNED}"
        create = f"CREATE OR REPLACE TEMP TABLE {RETURNED} AS"
        self.engine.execute(f"{into if self._has_noted else create} {rows}")
        self._has_noted = True

    def find(
        self,
        comparison: RowComparison,
        files: list[DataFile],
        doubted: Sequence[KeyWindows],
        *,
        may_lack_columns: bool,
    ) -> Departures:
        """Make the temporary table GONE, of rows in the raw table's `files`.

        `doubted` are the days that earlier runs had doubts about.
        """
        self._search(comparison, files, may_lack_columns=may_lack_columns)
        known = key_windows.windows_by_key(doubted)
        silent = [
            day
            for day in self._silent_days()
            if not (_is_confirmed(day, known) or self._is_absent(day))
        ]
        if self.folder is not None:
            rows = comparison.rows(files, may_lack_columns=True)
            self.has_shared = file_rows.is_shared(self.engine, self.spec, self.folder, rows)
        new: dict[Key, list[Window]] = {}
        for day in silent:
            self._keep(day)
            new.setdefault(day.key, []).extend(windows.intersect([day.window], self._reach))
        settled = {entry.key: self._read_of(entry.key) for entry in doubted}
        more = len(silent) - _NAMED
        self.warnings += map(str, silent[:_NAMED])
        self.warnings += [f"so it is on {more} more days"] if more > 0 else []
        held = self.engine.execute(f"SELECT {FILE}, count(*) FROM {GONE} GROUP BY 1").fetchall()
        return Departures(
            count=sum(rows for _, rows in held),
            paths=frozenset(path for path, _ in held),
            doubted=key_windows.noted_after(doubted, settled, new, self.run_id),
        )

    def _search(
        self, comparison: RowComparison, files: list[DataFile], *, may_lack_columns: bool
    ) -> None:
        """Make GONE: stored rows whose newest version is invalid, or that were read and are not."""
        rejected = self.engine.scalar(f"SELECT count(*) FROM {RETURNED} WHERE NOT {_IS_VALID}")
        # A row that became invalid may have had another time before.
        near = files if rejected else [file for file in files if self._may_lack(file)]
        key, is_valid = self._unique_key, f"arg_max({_IS_VALID}, {_NEWNESS})"
        is_touched = "true"
        if self.folder is not None:  # a valid version in any file counts
            is_valid = f"bool_or({_IS_VALID})"
            is_touched = versions.is_touched(self.folder.touched, "e")
        self.engine.execute(
            f"CREATE OR REPLACE TEMP TABLE {GONE} AS SELECT *, {self._part} AS {_NUMBER} FROM ("
            f"SELECT {', '.join([key, *file_column(self.spec)])}, {self._time} AS {MOMENT}, {FILE},"
            f" {_IS_VALID} IS NOT NULL AS {_IS_REJECTED}"
            f" FROM {comparison.rows(near, may_lack_columns=may_lack_columns)} AS e LEFT JOIN ("
            f"SELECT {key}, {is_valid} AS {_IS_VALID}"
            f" FROM {RETURNED} GROUP BY {key}) USING ({key}) WHERE {GONE_AT} IS NULL"
            f" AND coalesce(NOT {_IS_VALID}, {self._was_read()}) AND {is_touched})"
        )

    def _may_lack(self, file: DataFile) -> bool:
        """Return whether a file may hold rows that are gone because they did not come."""
        if isinstance(self.spec.deletes, SoftDelete):
            return False
        return not self.spec.by_window or file.may_hold(self._reach)

    def _was_read(self) -> str:
        """SQL of whether a row lies in a window that was read, and has no key that was not."""
        if isinstance(self.spec.deletes, SoftDelete):
            return "false"
        by_unread: dict[frozenset[Key], list[Window]] = {}
        for piece in self.pieces:
            by_unread.setdefault(piece.unread_keys, []).append(piece.window)
        parts = []
        for keys, spans in by_unread.items():
            others = [f"NOT ({having(_as_keys(key))})" for key in keys]
            parts.append(" AND ".join([f"({self._inside(windows.union(spans))})", *others]))
        if not parts:
            return "false"
        is_listed = f"NOT ({having(self.departed)})" if self.departed else "true"
        return f"coalesce(({' OR '.join(parts)}) AND {is_listed}, false)"

    def _inside(self, spans: Windows) -> str:
        """SQL of whether a row lies in windows as a whole."""
        if not self.spec.by_window:
            return "true"
        columns, column = validated(self.spec), self.spec.time_column or ""
        spans = whole_days(spans) if columns[column].is_date() else spans
        return covered(spans, column, columns, self.engine.dialect) or "false"

    def _is_absent(self, day: _SilentDay) -> bool:
        """Return whether a part is a file that is absent while others are there."""
        if self.folder is None or not self.folder.listed:
            return False
        return dict(day.key).get(FILE_NAME) in self.folder.absent

    def _silent_days(self) -> Iterator[_SilentDay]:
        """Yield the days of a key of which rows are in GONE, and none was returned."""
        names = "".join(f"{identifier(name)}, " for name in self.key)
        edges = f"min(epoch_us({MOMENT})), max(epoch_us({MOMENT}))"
        groups = self.engine.execute(
            f"SELECT {names}{_NUMBER}, count(*), {edges} FROM {GONE} ANTI JOIN ("
            f"SELECT DISTINCT {names}{self._part} AS {_NUMBER} FROM {RETURNED})"
            f" USING ({names}{_NUMBER}) WHERE NOT {_IS_REJECTED}"
            f" GROUP BY {names}{_NUMBER} ORDER BY {names}{_NUMBER}"
        ).fetchall()
        for *values, number, rows, first, last in groups:
            key = key_windows.key_of(dict(zip(self.key, values, strict=True)))
            if self.spec.by_window:
                yield _SilentDay(key, number, rows, Window(_moment(first), _moment(last + 1)))
            else:
                yield _SilentDay(key, None, rows, ALL_TIME)

    def _keep(self, day: _SilentDay) -> None:
        """Take the rows of a day in doubt out of GONE."""
        of_key = f" AND ({having(_as_keys(day.key))})" if day.key else ""
        self.engine.execute(
            f"DELETE FROM {GONE} WHERE {_NUMBER} = {day.number or 0} AND NOT {_IS_REJECTED}{of_key}"
        )

    def _read_of(self, key: Key) -> Windows:
        """Return the windows in which all rows of a key were read."""
        return windows.union(
            piece.window
            for piece in self.pieces
            if not any(key_windows.may_share_rows(key, unread) for unread in piece.unread_keys)
        )

    @property
    def _reach(self) -> Windows:
        return windows.union(piece.window for piece in self.pieces)

    @property
    def _part(self) -> str:
        """SQL of the part of a table that is doubted as one: a day, or everything, which is 0."""
        return _DAY_OF if self.spec.by_window else "0"

    @property
    def _time(self) -> str:
        column = self.spec.time_column
        return "NULL::TIMESTAMPTZ" if column is None else identifier(column)

    @property
    def _unique_key(self) -> str:
        return ", ".join(map(identifier, self.spec.unique_key))


def _is_confirmed(day: _SilentDay, doubted: dict[Key, Windows]) -> bool:
    """Return whether an earlier run found none of these rows either."""
    return not windows.subtract([day.span], doubted.get(day.key, ()))


def _as_keys(key: Key) -> Keys:
    columns, values = [column for column, _ in key], [value for _, value in key]
    return Keys(tuple(columns), frozenset([tuple[Value, ...](values)]))


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * timedelta.resolution


def whole_days(inside: Windows) -> Windows:
    """Return the UTC days that lie in the windows as a whole, as a date stands for all of one."""
    whole = []
    for window in inside:
        start, end = windows.floor(window.start, "day"), windows.floor(window.end, "day")
        start = start if start == window.start else start + _DAY
        if start < end:
            whole.append(Window(start, end))
    return tuple(whole)
