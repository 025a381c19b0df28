"""Retention: old rows of a raw table move to an archive of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import layout, storage, windows
from lakehouse.catalogs import MAIN, Catalog, StoredTable, TableChange
from lakehouse.declare import Incremental, IngestionSpec, View
from lakehouse.engines.duckdb import DuckDB, parquet
from lakehouse.engines.sql import columns, quoted, text
from lakehouse.errors import ProjectError, StorageError
from lakehouse.layout import FileSpan
from lakehouse.plan import stored_parents
from lakehouse.raw import landed

if TYPE_CHECKING:
    from lakehouse.project import Project
    from lakehouse.session import Session


@dataclass(frozen=True)
class Archiving:
    """Rows of a raw table that are to leave it."""

    spec: IngestionSpec
    table: StoredTable
    before: datetime
    """Whole months: what is older goes once all of its month is."""
    rows: int

    @property
    def condition(self) -> str:
        """What is so of these rows."""
        column = quoted(self.spec.time_column or "")
        return f"{column} < TIMESTAMPTZ {text(self.before.isoformat())}"

    def __str__(self) -> str:
        return f"{self.rows} rows of {self.spec.table} before {self.before:%Y-%m-%d}"


def due(session: Session, now: datetime) -> Iterator[Archiving]:
    """What main holds longer than it is kept.

    Raises ProjectError if a model would lose what it was built from.
    """
    tables = session.catalog.tables(MAIN)
    for spec in session.project.ingestions.values():
        table = tables.get(spec.table)
        if spec.retention is None or table is None:
            continue
        _require_windows(session.project, spec)
        before = windows.floor(now - spec.retention, "month")
        found = Archiving(spec, table, before, 0)
        rows = f"iceberg_scan({text(table.metadata)})"
        count = session.duckdb.scalar(f"SELECT count(*) FROM {rows} WHERE {found.condition}")
        if count:
            yield replace(found, rows=count)


def move(engine: DuckDB, catalog: Catalog, archiving: Archiving, folder: Path, branch: str) -> None:
    """Copy the rows to files in `folder`, and take them out of the table on a branch.

    The table keeps its version: nothing that was built from the rows is built again.
    """
    spec, name = archiving.spec, archiving.spec.table
    schema = landed(spec)
    files = catalog.files(branch, name)
    every = f"SELECT {columns(schema)} FROM {parquet(file.path for file in files)}"
    old = f"{every} WHERE {archiving.condition}"
    new = storage.missing_folders(folder)
    archived, rows = engine.copy(old, str(folder), spec.time_column, FileSpan())
    if rows != archiving.rows:
        raise StorageError(
            f"{rows} rows of {name} were archived, not {archiving.rows}",
            hint="main is as it was; run `maintain` again",
        )
    storage.sync((storage.beside(folder, path) for path in archived), folder)
    storage.sync_folders(each.parent for each in new)
    held = engine.execute(
        f"SELECT DISTINCT filename FROM {parquet((f.path for f in files), 'filename = true')}"
        f" WHERE {archiving.condition}"
    ).fetchall()
    holding = [file for file in files if (file.path,) in held]
    rest = (
        f"SELECT {columns(schema)} FROM {parquet(file.path for file in holding)}"
        f" WHERE ({archiving.condition}) IS NOT TRUE"
    )
    span = layout.file_span(archiving.table.rows, archiving.table.state.covered)
    added, _ = engine.copy(rest, f"{catalog.location(name)}/data", spec.time_column, span)
    state = replace(archiving.table.state, archived=archiving.before)
    catalog.write(branch, TableChange(name, schema.to_pyarrow(), holding, added, state))


def _require_windows(project: Project, spec: IngestionSpec) -> None:
    """Only what is built by windows of time keeps what it was built from."""
    for model in project.models.values():
        kind = model.kind
        if isinstance(kind, View) or spec.name not in stored_parents(project, model.name):
            continue
        if not isinstance(kind, Incremental) or kind.time_column is None:
            raise ProjectError(
                f"{model.table} is rebuilt from all of {spec.table}, which has a `retention`:"
                " it would lose what is archived",
                hint="make it Incremental by a `time_column`, or read a model that is",
            )
