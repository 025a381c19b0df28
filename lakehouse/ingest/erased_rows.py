"""Erased rows: those of a key, such as a person, leave the raw table and its quarantine.

What is written about it says how many rows there were, and of which columns; the value is nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakehouse import windows
from lakehouse.catalogs import Catalog, DataFile, StoredTable, TableChange
from lakehouse.compile.quarantine_reasons import FIELDS, PAYLOAD
from lakehouse.declare.raw_columns import validated
from lakehouse.engines.duckdb import DuckDB
from lakehouse.engines.duckdb_relations import FILE, parquet, parquet_with_files
from lakehouse.engines.sql import columns, identifier, literal, sql_type
from lakehouse.errors import UnknownNameError, choices
from lakehouse.ingest.quarantine import quarantine_schema, stored_rows
from lakehouse.plan import file_spans
from lakehouse.plan.state import Change, TableState
from lakehouse.windows import ALL_TIME, Window, Windows

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.declare.specs import IngestionSpec

_EPOCH, _HOUR = datetime(1970, 1, 1, tzinfo=UTC), timedelta(hours=1)


@dataclass(frozen=True)
class ErasedKey:
    """A key of an ingestion whose rows are to be erased: a value, as text, for each column."""

    spec: IngestionSpec
    values: Mapping[str, str]

    def __repr__(self) -> str:
        return f"ErasedKey({self.spec.table!r} by {self.columns})"  # no value reaches an error

    @property
    def columns(self) -> str:
        """The columns, as text."""
        return ", ".join(self.values)

    def require_known(self, engine: DuckDB) -> None:
        """Raise UnknownNameError for a column, or a value, that no row of the table can have."""
        schema = validated(self.spec)
        for column, value in self.values.items():
            if column not in schema:
                raise UnknownNameError(
                    f"{self.spec.table} has no column {column!r}",
                    hint=choices("columns", column, schema),
                )
            kind = sql_type(schema[column], "duckdb")
            if engine.scalar(f"SELECT count(TRY_CAST({literal(value)} AS {kind}))") == 0:
                raise UnknownNameError(
                    f"{column!r} of {self.spec.table} is a {schema[column]}, and the value is none",
                    hint="write the value as `query` shows it",
                )

    def condition(self) -> str:
        """Return the SQL condition that a row has the key, whatever the types of its columns."""
        return " AND ".join(
            f"{identifier(column)} = TRY(cast_to_type({literal(value)}, {identifier(column)}))"
            for column, value in self.values.items()
        )

    def is_rejected(self) -> str:
        """Return the SQL condition that a row in quarantine has the key.

        Its values are those that were fetched: texts, which may not be of the declared type.
        """
        schema, parts = validated(self.spec), []
        for column, value in self.values.items():
            kind, text = sql_type(schema[column], "duckdb"), self._fetched(column)
            same = f"TRY_CAST({text} AS {kind}) = CAST({literal(value)} AS {kind})"
            parts.append(f"coalesce({text} = {literal(value)} OR {same}, false)")
        return " AND ".join(parts)

    def _fetched(self, column: str) -> str:
        path = literal(f"$.{identifier(column)}")
        texts = [identifier(column)] if column in self.spec.unique_key else []
        texts += [f"json_extract_string(TRY_CAST({c} AS JSON), {path})" for c in (FIELDS, PAYLOAD)]
        return f"coalesce({', '.join(texts)})"


@dataclass(frozen=True)
class Eraser:
    """Erases rows on the branch of a run."""

    engine: DuckDB
    catalog: Catalog
    branch: str
    key: ErasedKey
    run_id: str

    def raw(self, stored: StoredTable) -> tuple[int, StoredTable | None]:
        """Erase the rows of the raw table; return how many, and the table if it changed."""
        spec = self.key.spec
        if not self.key.values.keys() <= {*stored.columns}:  # an older table may lack a column
            return 0, None
        condition = self.key.condition()
        files = self.catalog.files(self.branch, stored.name)
        holding, rows = self._holding(files, condition)
        if not rows:
            return 0, None
        dirty = self._hours(spec.time_column, parquet(f.path for f in holding), condition)
        state = stored.state.without_key(self.key.values)
        state = state.with_change(Change(self.run_id, dirty))
        column = spec.time_column
        span = file_spans.file_span(stored.rows, state.covered)
        return rows, self._without(stored, holding, condition, state, (column, span))

    def quarantine(self, stored: StoredTable) -> tuple[int, StoredTable | None]:
        """Erase the rejected rows; return how many, and the table if it changed."""
        condition = self.key.is_rejected()
        files = self.catalog.files(self.branch, stored.name)
        relation = stored_rows(self.key.spec, files)
        rows = self.engine.scalar(f"SELECT count(*) FROM {relation} WHERE {condition}")
        if not rows:
            return 0, None
        state = stored.state.with_change(Change(self.run_id, (ALL_TIME,)))
        schema = quarantine_schema(self.key.spec)
        rest = f"SELECT {columns(schema)} FROM {relation} WHERE NOT ({condition})"
        return rows, self._rewritten(stored, files, rest, state)

    def forget(self, stored: StoredTable) -> StoredTable | None:
        """Take the key out of what the state of a table notes; return the table if it was there."""
        state = stored.state.without_key(self.key.values)
        if state == stored.state:
            return None
        return self.catalog.write(
            self.branch, TableChange(stored.name, self._schema(stored), (), (), state)
        )

    def _holding(self, files: list[DataFile], condition: str) -> tuple[list[DataFile], int]:
        if not files:
            return [], 0
        rows = parquet_with_files(file.path for file in files)
        sql = f"SELECT {FILE}, count(*) FROM {rows} WHERE {condition} GROUP BY 1"
        held = dict(self.engine.execute(sql).fetchall())
        return [file for file in files if file.path in held], sum(held.values())

    def _hours(self, column: str | None, rows: str, condition: str) -> Windows:
        """Return the hours that hold such rows."""
        if column is None:
            return (ALL_TIME,)
        size = _HOUR // timedelta.resolution
        number = f"CAST(floor(epoch_us({identifier(column)}) / {size}) AS BIGINT)"
        sql = f"SELECT DISTINCT {number} FROM {rows} WHERE {condition}"
        starts = [_EPOCH + hour * _HOUR for (hour,) in self.engine.execute(sql).fetchall()]
        return windows.union(Window(start, start + _HOUR) for start in starts)

    def _without(
        self,
        stored: StoredTable,
        holding: list[DataFile],
        condition: str,
        state: TableState,
        into: tuple[str | None, file_spans.FileSpan],
    ) -> StoredTable:
        names = ", ".join(map(identifier, self._schema(stored).names))
        rows = parquet(file.path for file in holding)
        rest = f"SELECT {names} FROM {rows} WHERE ({condition}) IS NOT TRUE"
        return self._rewritten(stored, holding, rest, state, into)

    def _rewritten(
        self,
        stored: StoredTable,
        remove: list[DataFile],
        rest: str,
        state: TableState,
        into: tuple[str | None, file_spans.FileSpan] = (None, file_spans.CALENDAR_MONTH),
    ) -> StoredTable:
        folder = f"{self.catalog.location(stored.name)}/data"
        added, _ = self.engine.copy(rest, folder, *into)
        change = TableChange(stored.name, self._schema(stored), remove, added, state)
        return self.catalog.write(self.branch, change)

    def _schema(self, stored: StoredTable) -> pa.Schema:
        rows = f"iceberg_scan({literal(stored.metadata)})"
        return self.engine.execute(f"FROM {rows} LIMIT 0").to_arrow_table().schema
