"""Retention: old rows of a raw table move to an archive of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import storage, windows
from lakehouse.catalogs import MAIN, Catalog, StoredTable, TableChange
from lakehouse.declare.kinds import Incremental
from lakehouse.declare.specs import IngestionSpec
from lakehouse.engines.duckdb import DuckDB
from lakehouse.engines.duckdb_relations import FILE, parquet, parquet_with_files
from lakehouse.engines.sql import identifier, literal
from lakehouse.errors import ConfigError, ProjectError, StorageError
from lakehouse.maintain.files import ARCHIVE
from lakehouse.plan import file_spans
from lakehouse.plan.file_spans import CALENDAR_MONTH
from lakehouse.plan.what_to_build import stored_parents

if TYPE_CHECKING:
    from lakehouse.config import Settings
    from lakehouse.declare.project import Project
    from lakehouse.session import Session


@dataclass(frozen=True)
class Archiving:
    """Rows of a raw table that are to move to the archive."""

    spec: IngestionSpec
    table: StoredTable
    before: datetime
    """Start of a month; only whole months are archived."""
    rows: int

    @property
    def condition(self) -> str:
        """SQL condition of these rows."""
        column = identifier(self.spec.time_column or "")
        return f"{column} < TIMESTAMPTZ {literal(self.before.isoformat())}"

    def __str__(self) -> str:
        return f"{self.rows} rows of {self.spec.table} before {self.before:%Y-%m-%d}"


def archive_of(settings: Settings, named: str) -> Path:
    """Return the folder of the archive: the one that `[maintain]` names, or the usual one.

    Raises ConfigError for a folder in which files are removed.
    """
    usual = settings.warehouse / ARCHIVE
    if not named:
        return usual
    folder = (settings.root / Path(named).expanduser()).resolve()
    if folder.is_relative_to(settings.home) and folder != usual:
        raise ConfigError(
            f"`archive` of [maintain] is {folder}, which is in the home: what is no table's"
            " is removed there",
            hint=f"name a folder outside of {settings.home}, or leave `archive` out",
        )
    return folder


def due(session: Session, now: datetime) -> Iterator[Archiving]:
    """Yield the rows of main that are older than the `retention` of their table.

    Raises ProjectError if a model that reads them is rebuilt from all rows.
    """
    tables = session.catalog.tables(MAIN)
    for spec in session.project.ingestions.values():
        table = tables.get(spec.table)
        if spec.retention is None or table is None:
            continue
        _require_windows(session.project, spec)
        before = windows.floor(now - spec.retention, "month")
        archiving = Archiving(spec, table, before, 0)
        rows = f"iceberg_scan({literal(table.metadata)})"
        count = session.duckdb.scalar(f"SELECT count(*) FROM {rows} WHERE {archiving.condition}")
        if count:
            yield replace(archiving, rows=count)


def move(engine: DuckDB, catalog: Catalog, archiving: Archiving, folder: Path, branch: str) -> None:
    """Copy the rows to files in `folder`, and remove them from the table on a branch.

    The table keeps its version, so models that were built from the rows are not rebuilt.
    """
    spec, name = archiving.spec, archiving.spec.table
    stored = f"FROM iceberg_scan({literal(archiving.table.metadata)}) LIMIT 0"
    schema = engine.execute(stored).to_arrow_table().schema
    names = ", ".join(map(identifier, schema.names))
    files = catalog.files(branch, name)
    every = f"SELECT {names} FROM {parquet(file.path for file in files)}"
    old = f"{every} WHERE {archiving.condition}"
    new = storage.missing_folders(folder)
    archived, rows = engine.copy(old, str(folder), spec.time_column, CALENDAR_MONTH)
    if rows != archiving.rows:
        raise StorageError(
            f"{rows} rows of {name} were archived, not {archiving.rows}",
            hint="main is as it was; run `maintain` again",
        )
    storage.sync((storage.beside(folder, path) for path in archived), folder)
    storage.sync_folders(made.parent for made in new)
    held = engine.execute(
        f"SELECT DISTINCT {FILE} FROM {parquet_with_files(f.path for f in files)}"
        f" WHERE {archiving.condition}"
    ).fetchall()
    holding = [file for file in files if (file.path,) in held]
    rest = (
        f"SELECT {names} FROM {parquet(file.path for file in holding)}"
        f" WHERE ({archiving.condition}) IS NOT TRUE"
    )
    span = file_spans.file_span(archiving.table.rows, archiving.table.state.covered)
    added, _ = engine.copy(rest, f"{catalog.location(name)}/data", spec.time_column, span)
    state = archiving.table.state.archived(archiving.before)
    catalog.write(branch, TableChange(name, schema, holding, added, state))


def _require_windows(project: Project, spec: IngestionSpec) -> None:
    """Raise ProjectError if a model that reads an ingestion is not built by windows of time.

    Such a model would lose what was built from archived rows at its next rebuild.
    """
    for model in project.models.values():
        kind = model.kind
        if model.is_view or spec.name not in stored_parents(project, model.name):
            continue
        if not isinstance(kind, Incremental) or kind.time_column is None:
            raise ProjectError(
                f"{model.table} is rebuilt from all of {spec.table}, which has a `retention`:"
                " it would lose the archived rows",
                hint="make it Incremental by a `time_column`, or read a model that is",
            )
