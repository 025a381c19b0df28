"""Building a table with DuckDB: Parquet files that the catalog adds to the table.

A window is replaced by rewriting the files that hold rows of it: their rows outside the window are
copied along. So are small files of the same month (in a large table, of the same days), so that a
table keeps about one file for each span of time, however often it is built. No row passes through
Python.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from lakehouse import storage
from lakehouse.catalogs import Catalog, DataFile, StoredTable, TableChange
from lakehouse.compile.columns import FILE_PART
from lakehouse.declare.column_types import arrow_schema
from lakehouse.engines import Build, duckdb_encryption
from lakehouse.engines.duckdb_connections import Connections
from lakehouse.engines.duckdb_relations import file_part, parquet, scan
from lakehouse.engines.sql import columns, literal, select, typed, where
from lakehouse.plan import file_spans
from lakehouse.plan.file_spans import FileSpan
from lakehouse.storage import Bucket
from lakehouse.windows import Window, Windows, union

AT_ONCE = 2
"""Pieces of a large table that are built at once."""
_DIALECT = "duckdb"
_ROW_GROUP = 40_960
"""Rows of a Parquet row group: a month's file has several, each read and written by one thread."""


class TableWriter:
    """Builds tables from Parquet files that DuckDB writes."""

    def __init__(self, connections: Connections, bucket: Bucket | None) -> None:
        """`bucket` is where files are written; None: local folders."""
        self._connections = connections
        self._bucket = bucket

    def build(self, catalog: Catalog, branch: str, build: Build) -> tuple[StoredTable, int]:
        """Replace the windows of a table; return the new table, and how many rows were built."""
        since = self._connections.interrupts.number
        span = build.file_span
        removed, kept = self._replaced(catalog, branch, build, span)
        parts = [self._part(build, window, reach) for window, reach in build.spans]
        neighbours = 0
        if kept:
            inside = self._inside(build, build.windows)
            stored_rows = parquet(file.path for file in kept)
            if build.existing is not None and _have_deletes(kept):
                stored_rows = scan(build.existing, build.statement.schema)
            outside = f"FROM {stored_rows} WHERE ({inside}) IS NOT TRUE"
            parts.append(f"SELECT {columns(build.statement.schema)} {outside}")
            neighbours = self._connections.scalar(f"SELECT count(*) {outside}")
        folder = f"{catalog.location(build.table)}/data"
        union_all = " UNION ALL ".join(parts)
        times = [*build.windows, *(file.span for file in kept)]
        column = file_spans.divided_by(build.time_column, span, times)

        def write(statement: str) -> tuple[list[str], int]:
            self._connections.interrupts.require_none(since)
            return self.copy(statement, folder, column, span)

        with self._connections.large if build.apart else nullcontext():
            added, rows = self._write_pieces(write, parts) if build.apart else write(union_all)
            fitting = file_spans.file_span(rows, build.covered)
            if build.is_whole and column is not None and added and not fitting.is_about(span):
                # There are far fewer or far more rows than expected.
                added = self._rewrite(added, folder, column, fitting)
        shape = arrow_schema(build.statement.schema)
        table = catalog.write(branch, TableChange(build.table, shape, removed, added, build.state))
        return table, rows - neighbours

    def copy(
        self, statement: str, folder: str, time_column: str | None, span: FileSpan
    ) -> tuple[list[str], int]:
        """Write rows as Parquet, one file for each span of time; return the files and row count.

        Without a `time_column`, one file holds all rows.
        """
        target = f"{folder}/{uuid.uuid4().hex}"
        options = f"FORMAT parquet, RETURN_STATS, ROW_GROUP_SIZE {_ROW_GROUP}"
        if time_column is None:
            storage.make_folder(self._path(folder))
            target += ".parquet"
        else:
            storage.make_folder(self._path(target))
            part = file_part(time_column, span)
            statement = f"SELECT *, {part} AS {FILE_PART} FROM ({statement})"
            # A statement that ran out of memory left files there, and runs again.
            options += f", PARTITION_BY ({FILE_PART}), OVERWRITE_OR_IGNORE"
        if duckdb_encryption.is_needed(self._bucket):
            target = duckdb_encryption.written(target)
        written = self._connections.execute(
            f"COPY ({statement}) TO {literal(target)} ({options})"
        ).fetchall()
        files = {duckdb_encryption.read(path): int(count) for path, count, *_ in written if count}
        return list(files), sum(files.values())

    def _part(self, build: Build, window: Window, reach: Window) -> str:
        """The SELECT of the rows of one window, from inputs cut to `reach`."""
        statement = select(build.statement, build.sources, scan, _DIALECT, reach, build.keys)
        statement = typed(statement, build.statement.schema, _DIALECT)
        return f"SELECT * FROM ({statement}) WHERE {self._inside(build, (window,))}"

    def _inside(self, build: Build, windows: Windows) -> str:
        """The SQL condition that a row of the table is to be replaced."""
        schema = build.statement.schema
        return where(union(windows), build.keys, build.time_column, schema, _DIALECT)

    def _write_pieces(
        self, write: Callable[[str], tuple[list[str], int]], statements: Sequence[str]
    ) -> tuple[list[str], int]:
        """Write the rows of several statements, `AT_ONCE` at a time; return files and row count."""
        at_once = min(AT_ONCE, self._connections.cores)
        self._connections.share_cores(at_once)
        with ThreadPoolExecutor(at_once) as pool:
            written = [*pool.map(write, statements)]
        return [file for files, _ in written for file in files], sum(rows for _, rows in written)

    def _rewrite(
        self, files: Sequence[str], folder: str, time_column: str, span: FileSpan
    ) -> list[str]:
        """Write the rows of files to new files, each for a span of time; delete the old ones."""
        rewritten, _ = self.copy(f"FROM {parquet(files)}", folder, time_column, span)
        for path in files:
            self._path(path).unlink()
        return rewritten

    def _path(self, address: str) -> Path:
        return Path(address) if self._bucket is None else self._bucket.path(address)

    def _replaced(
        self, catalog: Catalog, branch: str, build: Build, span: FileSpan
    ) -> tuple[list[DataFile], list[DataFile]]:
        """The files to remove, and those of them whose rows outside the windows are copied."""
        if build.existing is None:
            return [], []
        files = catalog.files(branch, build.table, build.time_column)
        if build.is_whole:
            return files, []
        if build.time_column is None or _have_deletes(files):
            return files, files
        units = union(span.around(window) for window in build.windows)
        around = [file for file in files if file.may_hold(units)]
        if any(file.rows >= file_spans.SMALL_FILE_ROWS for file in around):
            around = [
                file
                for file in around
                if file.rows < file_spans.SMALL_FILE_ROWS or file.may_hold(build.windows)
            ]
        return around, around


def _have_deletes(files: Iterable[DataFile]) -> bool:
    """Return whether delete files, which Trino writes, remove some of the files' rows."""
    return any(file.has_deletes for file in files)
