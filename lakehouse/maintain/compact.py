"""Compaction: a table whose file spans hold several files is given one for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse import layout, materialize
from lakehouse.catalogs import MAIN, Catalog, StoredTable, TableChange
from lakehouse.engines.duckdb import DuckDB, file_part, parquet
from lakehouse.engines.sql import quoted, text
from lakehouse.layout import FileSpan

if TYPE_CHECKING:
    from lakehouse.session import Session


@dataclass(frozen=True)
class Compaction:
    """Files of a table that are to be written anew, as fewer."""

    table: StoredTable
    time_column: str | None
    span: FileSpan
    files: frozenset[str]
    into: int
    rows: int


def find(session: Session) -> list[Compaction]:
    """What is worth compacting on main."""
    tables = session.catalog.tables(MAIN)
    known = {spec.table: spec for spec in session.project.tables.values()}
    ingested = materialize.covered(session.compiled, tables)
    found = []
    for name, table in tables.items():
        spec = known.get(name)
        span = layout.file_span(table.rows, table.state.covered or ingested)
        column = spec.time_column if spec else None
        found.append(_crowded(session.duckdb, table, column, span))
    return [each for each in found if each is not None]


def rewrite(engine: DuckDB, catalog: Catalog, branch: str, compaction: Compaction) -> None:
    """Write the files of a compaction anew; the table's rows and state stay as they are."""
    table = compaction.table
    rows = f"iceberg_scan({text(table.metadata)})"
    schema = engine.execute(f"FROM {rows} LIMIT 0").to_arrow_table().schema
    names = ", ".join(map(quoted, schema.names))
    folder = f"{catalog.location(table.name)}/data"
    statement = f"SELECT {names} FROM {parquet(sorted(compaction.files))}"
    added, _ = engine.copy(statement, folder, compaction.time_column, compaction.span)
    removed = [file for file in catalog.files(branch, table.name) if file.path in compaction.files]
    catalog.write(branch, TableChange(table.name, schema, removed, added, table.state))


def _crowded(
    engine: DuckDB, table: StoredTable, column: str | None, span: FileSpan
) -> Compaction | None:
    """The files of the spans that have several; of a table without time, the small ones."""
    files = engine.data_files(table)
    if files is None or len(files) < 2:  # noqa: PLR2004
        return None
    part = "0" if column is None else file_part(column, span)
    held = engine.execute(
        f"SELECT {part} AS part, filename, count(*) FROM {parquet(files, 'filename = true')}"
        " GROUP BY ALL"
    ).fetchall()
    if column is None:
        held = [each for each in held if each[2] < layout.SMALL_FILE_ROWS]
    parts: dict[object, set[str]] = {}
    for span_of, path, _ in held:
        parts.setdefault(span_of, set()).add(path)
    again = frozenset[str]().union(*(paths for paths in parts.values() if len(paths) > 1))
    into = sum(1 for paths in parts.values() if paths & again)
    if len(again) <= into:  # those that cross their spans become fewer when they are next touched
        return None
    rows = sum(count for _, path, count in held if path in again)
    return Compaction(table, column, span, again, into, rows)
