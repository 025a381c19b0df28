"""Comparison of incoming rows with stored rows of the same key, to find which are to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import ibis

from lakehouse import windows
from lakehouse.catalogs import DataFile
from lakehouse.compile.quarantine_reasons import REASONS
from lakehouse.declare import column_types
from lakehouse.declare.raw_columns import GONE_AT, declared, file_column, kept
from lakehouse.engines.duckdb import DuckDB
from lakehouse.engines.duckdb_relations import FILE, parquet_with_files
from lakehouse.engines.sql import empty_relation, identifier, sql_type
from lakehouse.errors import ProjectError
from lakehouse.ingest import marks, versions
from lakehouse.ingest.exact_casts import exact_cast, is_of
from lakehouse.ingest.merge_counts import MergeCounts
from lakehouse.ingest.temporary_tables import (
    EXISTING,
    GONE,
    INCOMING,
    IS_OLDER,
    IS_SAME,
    MATCHED,
    MOMENT,
    WRITTEN,
)
from lakehouse.keys import MOST, Keys, union
from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec

COMPARED_ROWS = 1_000_000
"""If files hold more rows, their keys are read first, and whole rows only of files that match."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_HOUR_MICROSECONDS = _HOUR // timedelta.resolution


@dataclass(frozen=True)
class RowComparison:
    """Comparison of one fetch with the raw table; `classify` has to be called first."""

    engine: DuckDB
    spec: IngestionSpec
    run_id: str
    """The run that fetched the rows."""
    touched: frozenset[str] = frozenset()
    """Files that were read, or are absent, if the source is a folder."""

    def classify(
        self, validated: str, files: list[DataFile], *, may_lack_columns: bool
    ) -> tuple[MergeCounts, set[str]]:
        """Count new, changed and unchanged rows; return the counts and the files of changed rows.

        Makes the temporary tables INCOMING, EXISTING and WRITTEN. `files` are those of the raw
        table. They `may_lack_columns` that were declared since; then all files are compared.
        """
        run, key = self.engine.execute, self.key
        names = ", ".join(map(identifier, self._compared_columns))
        valid = f"FROM {identifier(validated)} WHERE {REASONS} = ''"
        total, good, distinct, *hull = run(
            f"SELECT count(*), count(*) FILTER ({REASONS} = ''),"
            f" (SELECT count(*) FROM (SELECT DISTINCT {key} {valid})), {self._hull}"
            f" FROM {identifier(validated)}"
        ).fetchone() or (0, 0, 0, None, None)
        # Finding the newest row of each key sorts whole rows; it is done only if keys repeat.
        order = f"PARTITION BY {key} ORDER BY {versions.newness(self.spec)} DESC"
        newest = f" QUALIFY row_number() OVER ({order}) = 1"
        create = f"CREATE OR REPLACE TEMP VIEW {INCOMING} AS SELECT {names}"
        if self.spec.deletes and not self.spec.files and good < total:  # the newest may be invalid
            every = f"SELECT * FROM {identifier(validated)}{newest}"
            run(f"{create} FROM ({every}) WHERE {REASONS} = ''")
            distinct = self.engine.scalar(f"SELECT count(*) FROM {INCOMING}")
        else:
            run(f"{create} {valid}{newest if distinct < good else ''}")
        by_file = self._match(
            files, self._near(files, *hull), distinct, may_lack_columns=may_lack_columns
        )
        known, same = (sum(counts) for counts in zip((0, 0), *by_file.values(), strict=True))
        unchanged = f"(SELECT * FROM {EXISTING} WHERE {IS_SAME})"
        run(
            f"CREATE OR REPLACE TEMP VIEW {WRITTEN} AS SELECT {names} FROM {INCOMING}"
            + (f" ANTI JOIN {unchanged} USING ({key})" if same else "")
        )
        counts = MergeCounts(
            fetched=total,
            new=distinct - known,
            changed=known - same,
            unchanged=same,
            quarantined=total - good,
            repeated=good - distinct,
        )
        return counts, {path for path, (rows, alike) in by_file.items() if alike < rows}

    def dirty(self, *, with_gone: bool = False) -> Windows:
        """Return the hours that hold a written row, or held it before it changed or was gone."""
        if self.spec.time_column is None:
            return (ALL_TIME,)
        column = identifier(self.spec.time_column)
        gone = f" UNION ALL SELECT {MOMENT} FROM {GONE}" if with_gone else ""
        # Hours as numbers: date_trunc() would look up every row in the calendar of its zone.
        hours = self.engine.execute(
            f"SELECT DISTINCT CAST(floor(epoch_us(moment) / {_HOUR_MICROSECONDS}) AS BIGINT) FROM ("
            f" SELECT {column} AS moment FROM {WRITTEN} UNION ALL"
            f" SELECT {column} FROM {EXISTING} WHERE NOT {IS_SAME}{gone})"
        ).fetchall()
        starts = (_EPOCH + number * _HOUR for (number,) in hours)
        return windows.union(Window(start, start + _HOUR) for start in starts)

    def changed_keys(self, columns: tuple[str, ...], *, with_gone: bool = False) -> Keys | None:
        """Return the values of `columns` in written and gone rows; None if there are too many."""
        if not columns:
            return None
        names = ", ".join(map(identifier, columns))
        gone = f" UNION ALL SELECT {names} FROM {GONE}" if with_gone else ""
        values = self.engine.execute(
            f"SELECT DISTINCT {names} FROM (SELECT {names} FROM {WRITTEN}{gone}) LIMIT {MOST + 1}"
        ).fetchall()
        return union([Keys(columns, frozenset(values))])

    def departed_keys(
        self,
        validated: str,
        files: list[DataFile],
        columns: tuple[str, ...],
        *,
        may_lack_columns: bool,
    ) -> Keys | None:
        """Return the values of `columns` that are stored but were not fetched.

        None if there are none, or more than `keys.MOST`.
        """
        names = ", ".join(map(identifier, columns))
        values = self.engine.execute(
            f"SELECT DISTINCT {names} FROM {self.rows(files, may_lack_columns=may_lack_columns)}"
            f" ANTI JOIN {identifier(validated)} USING ({names}) LIMIT {MOST + 1}"
        ).fetchall()
        return union([Keys(columns, frozenset(values))]) if values else None

    def rows(self, files: list[DataFile], *, may_lack_columns: bool = False) -> str:
        """Return a relation of the rows of these files, with the column FILE.

        With `may_lack_columns`, the files may have been written before columns were declared, or
        declared otherwise: such columns are null, or cast.
        """
        schema = ibis.schema({**kept(self.spec), FILE: "string"})
        if not files:
            return f"({empty_relation(schema, self.engine.dialect)})"
        rows = parquet_with_files(file.path for file in files)
        if not may_lack_columns:
            return rows
        casts = self._casts(schema, self.engine.shape(rows))
        selected = ", ".join(f"{cast} AS {identifier(name)}" for name, cast in casts.items())
        return f"(SELECT {selected} FROM {rows})"

    def require_castable(self, files: list[DataFile]) -> None:
        """Raise ProjectError if a stored value is not held by the type that is declared now."""
        if not files:
            return
        rows = parquet_with_files(file.path for file in files)
        stored = self.engine.shape(rows)
        for name, cast in self._casts(declared(self.spec), stored).items():
            value = identifier(name)
            if name not in stored or cast == value:
                continue
            count, example = self.engine.execute(
                f"SELECT count(*), any_value({value}::VARCHAR) FROM {rows}"
                f" WHERE {value} IS NOT NULL AND ({cast}) IS NULL"
            ).fetchone() or (0, None)
            if count:
                raise ProjectError(
                    f"{self.spec.table} holds {count} values of {name!r} that the type"
                    f" {declared(self.spec)[name]} does not hold, such as {example}",
                    hint="declare a type that holds them, or a new column beside the old one",
                )

    def _casts(self, columns: ibis.Schema, stored: Mapping[str, str]) -> dict[str, str]:
        """Return SQL of each column as its type, from rows with the `stored` kinds of types."""
        casts = {}
        for name, kind in columns.items():
            value = identifier(name)
            target = sql_type(column_types.stored(kind), self.engine.dialect)
            if name in stored and is_of(stored[name], column_types.stored(kind)):
                casts[name] = value
                continue
            cast = exact_cast(value, stored[name], kind, is_rounded=False) if name in stored else ""
            casts[name] = f"CAST({cast or 'NULL'} AS {target})"
        return casts

    @property
    def key(self) -> str:
        """The columns of the unique key as an SQL list."""
        return ", ".join(map(identifier, self.spec.unique_key))

    def _match(
        self, files: list[DataFile], near: list[DataFile], distinct: int, *, may_lack_columns: bool
    ) -> dict[str, tuple[int, int]]:
        """Make EXISTING; return how many of its rows each file holds, and how many are unchanged.

        `near` are the files of the same time. As a row seldom changes its time, the other files are
        read only for keys that `near` lacks.
        """
        run, create = self.engine.execute, f"CREATE OR REPLACE TEMP TABLE {EXISTING} AS"
        first, incoming = files if may_lack_columns else near, INCOMING
        read = {file.path for file in first}
        if sum(file.rows for file in first) > COMPARED_ROWS:
            first, incoming = self._holding(first, incoming, may_lack_columns=may_lack_columns)
        run(f"{create} {self._compared(first, incoming, may_lack_columns=may_lack_columns)}")
        by_file = self._counts_by_file()
        others = [file for file in files if file.path not in read]
        if others and sum(rows for rows, _ in by_file.values()) < distinct:
            unmatched = f"(SELECT * FROM {INCOMING} ANTI JOIN {EXISTING} USING ({self.key}))"
            holding, matched = self._holding(others, unmatched)
            run(f"INSERT INTO {EXISTING} {self._compared(holding, matched)}")
            by_file = self._counts_by_file()
        return by_file

    def _holding(
        self, files: list[DataFile], incoming: str, *, may_lack_columns: bool = False
    ) -> tuple[list[DataFile], str]:
        """Return the files that hold keys of `incoming`, and a relation of those of its rows.

        Only keys are read, as reading whole rows takes time and joining them takes memory.
        """
        key, run = self.key, self.engine.execute
        rows = self.rows(files, may_lack_columns=may_lack_columns)
        run(
            f"CREATE OR REPLACE TEMP TABLE {MATCHED} AS SELECT {key}, {FILE}"
            f" FROM {rows} SEMI JOIN {incoming} USING ({key})"
        )
        holding = {path for (path,) in run(f"SELECT DISTINCT {FILE} FROM {MATCHED}").fetchall()}
        stored = [file for file in files if file.path in holding]
        return stored, f"(SELECT * FROM {incoming} SEMI JOIN {MATCHED} USING ({key}))"

    def _compared(
        self, files: list[DataFile], incoming: str, *, may_lack_columns: bool = False
    ) -> str:
        """Return a SELECT of the stored rows whose key is in `incoming`, with IS_SAME."""
        key = self.key
        parts = [
            f"i.{identifier(name)} IS NOT DISTINCT FROM e.{identifier(name)}"
            for name in self._compared_columns
        ]
        if self.spec.deletes:  # a row that comes back is written again, without its marks
            parts.append(f"(e.{GONE_AT} IS NOT NULL) = {marks.is_deleted(self.spec, 'i')}")
        same = " AND ".join(parts)
        same = f"({same}) OR {versions.stays(self.spec, self.run_id, self.touched)}"
        older = versions.goes_backwards(self.spec, self.run_id)
        kept = ", ".join(f"e.{identifier(name)}" for name in self._kept_columns)
        return (
            f"SELECT {kept}, {FILE}, {same} AS {IS_SAME}, {older} AS {IS_OLDER}"
            f" FROM (SELECT * FROM {self.rows(files, may_lack_columns=may_lack_columns)}) e"
            f" JOIN {incoming} i USING ({key})"
        )

    def _counts_by_file(self) -> dict[str, tuple[int, int]]:
        """Return, by file, the number of rows in EXISTING and of those that did not change."""
        rows = self.engine.execute(
            f"SELECT {FILE}, count(*), count(*) FILTER ({IS_SAME}) FROM {EXISTING} GROUP BY {FILE}"
        ).fetchall()
        return {path: (count, same) for path, count, same in rows}

    @property
    def _hull(self) -> str:
        """SQL of the least and the greatest time of the valid rows."""
        column = self.spec.time_column
        if column is None:
            return "NULL, NULL"
        return ", ".join(
            f"{edge}({identifier(column)}) FILTER ({REASONS} = '')" for edge in ("min", "max")
        )

    def _near(
        self, files: list[DataFile], first: datetime | None, last: datetime | None
    ) -> list[DataFile]:
        """Return the files whose time overlaps that of the incoming rows."""
        if self.spec.time_column is None:
            return files
        if first is None or last is None:
            return []
        hull = (Window(first, last + timedelta.resolution),)
        return [file for file in files if file.may_hold(hull)]

    @property
    def _compared_columns(self) -> tuple[str, ...]:
        return (*declared(self.spec), *file_column(self.spec))

    @property
    def _kept_columns(self) -> dict[str, None]:
        """The columns of the unique key, the time column and the cursor."""
        others = filter(None, [self.spec.time_column, self.spec.cursor])
        return dict.fromkeys([*self.spec.unique_key, *others])
