"""Compaction: the files of a table are rewritten so that each file span has a single file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.build import builds
from lakehouse.catalogs import MAIN, Catalog, StoredTable, TableChange
from lakehouse.engines.duckdb import DuckDB
from lakehouse.engines.duckdb_relations import FILE, file_part, parquet, parquet_with_files
from lakehouse.engines.sql import identifier, literal
from lakehouse.plan import file_spans
from lakehouse.plan.file_spans import FileSpan

if TYPE_CHECKING:
    from lakehouse.session import Session


@dataclass(frozen=True)
class Compaction:
    """Files of a table that are to be replaced by fewer files."""

    table: StoredTable
    time_column: str | None
    span: FileSpan
    files: frozenset[str]
    """Paths of the files to replace."""
    into: int
    """Number of files that replace them."""
    rows: int


def find(session: Session) -> list[Compaction]:
    """Return the tables of main that are worth compacting."""
    tables = session.catalog.tables(MAIN)
    known = {spec.table: spec for spec in session.project.tables.values()}
    ingested = builds.covered(session.compiled, tables)
    plans = []
    for name, table in tables.items():
        spec = known.get(name)
        span = file_spans.file_span(table.rows, table.state.covered or ingested)
        column = spec.time_column if spec else None
        plans.append(_plan(session.duckdb, table, column, span))
    return [plan for plan in plans if plan is not None]


def rewrite(engine: DuckDB, catalog: Catalog, branch: str, compaction: Compaction) -> None:
    """Rewrite the files of a compaction; the table's rows and state do not change."""
    table = compaction.table
    rows = f"iceberg_scan({literal(table.metadata)})"
    schema = engine.execute(f"FROM {rows} LIMIT 0").to_arrow_table().schema
    names = ", ".join(map(identifier, schema.names))
    folder = f"{catalog.location(table.name)}/data"
    statement = f"SELECT {names} FROM {parquet(sorted(compaction.files))}"
    added, _ = engine.copy(statement, folder, compaction.time_column, compaction.span)
    removed = [file for file in catalog.files(branch, table.name) if file.path in compaction.files]
    catalog.write(branch, TableChange(table.name, schema, removed, added, table.state))


def _plan(
    engine: DuckDB, table: StoredTable, column: str | None, span: FileSpan
) -> Compaction | None:
    """Return the files of spans that have several; of a table without a time column, small files.

    Return None if compacting them would not make them fewer.
    """
    files = engine.data_files(table)
    if files is None or len(files) < 2:  # noqa: PLR2004
        return None
    part = "0" if column is None else file_part(column, span)
    held = engine.execute(
        f"SELECT {part} AS part, {FILE}, count(*) FROM {parquet_with_files(files)} GROUP BY ALL"
    ).fetchall()
    if column is None:
        held = [file for file in held if file[2] < file_spans.SMALL_FILE_ROWS]
    parts: dict[object, set[str]] = {}
    for span_of, path, _ in held:
        parts.setdefault(span_of, set()).add(path)
    again = frozenset[str]().union(*(paths for paths in parts.values() if len(paths) > 1))
    into = sum(1 for paths in parts.values() if paths & again)
    if len(again) <= into:  # files that cross spans become fewer when a run next rewrites them
        return None
    rows = sum(count for _, path, count in held if path in again)
    return Compaction(table, column, span, again, into, rows)
