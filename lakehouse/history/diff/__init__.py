"""Differences between two states of the lakehouse: which tables, and which of their rows.

Only rows that may differ are compared: a data file that both states have is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.build.builds import source
from lakehouse.catalogs import MAIN, Catalog, StoredTable
from lakehouse.checks import UniqueCheck
from lakehouse.engines.duckdb_relations import parquet, scan
from lakehouse.engines.sql import literal, relation
from lakehouse.errors import UnknownNameError
from lakehouse.history.diff.rows import RowDiff, compare

if TYPE_CHECKING:
    from lakehouse.declare.project import Project
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.session import Session


@dataclass(frozen=True)
class TableDiff:
    """Difference of one table between two refs."""

    table: str
    what: str
    """'added', 'removed' or 'changed'."""
    rows_before: int | None
    rows_after: int | None
    rows: RowDiff | None
    """The rows that differ; None if one side does not have the table."""


def diff(session: Session, before: str, after: str) -> list[TableDiff]:
    """Return the tables whose rows differ between two refs.

    Between main and a branch, only the tables that the branch changed are compared, as a merge
    would change only them. Raises UnknownNameError.
    """
    left, right = session.catalog.tables(before), session.catalog.tables(after)
    names = sorted(left.keys() | right.keys())
    if before == MAIN:
        moved = _moved(session.catalog, after)
        names = [name for name in names if moved is None or name in moved]
    differences = (_table(session, name, left, right, detail=False) for name in names)
    return [difference for difference in differences if difference is not None]


def diff_table(session: Session, before: str, after: str, table: str) -> TableDiff | None:
    """Return how the rows of a table or view differ between two refs, with example rows.

    Return None if they are the same. Raises UnknownNameError.
    """
    left, right = session.catalog.tables(before), session.catalog.tables(after)
    name = session.project.qualified(table)
    views = {spec.table for spec in session.project.tables.values()} - left.keys() - right.keys()
    if name not in left.keys() | right.keys() | views:
        raise UnknownNameError(
            f"neither {before} nor {after} has a table {table!r}",
            hint="`diff` without a table lists those that differ",
        )
    return _table(session, name, left, right, detail=True)


def _moved(catalog: Catalog, branch: str) -> set[str] | None:
    """Return the tables that a branch changed since it was made; None if it is no branch."""
    base = next((listed.base for listed in catalog.branches() if listed.name == branch), None)
    if base is None:
        return None
    before, after = catalog.places(base) if base else {}, catalog.places(branch)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _table(
    session: Session,
    name: str,
    left: Mapping[str, StoredTable],
    right: Mapping[str, StoredTable],
    *,
    detail: bool,
) -> TableDiff | None:
    """Return the difference of one table; None if its rows are the same."""
    one, other = left.get(name), right.get(name)
    counts = one.rows if one else None, other.rows if other else None
    if one and other:
        if (one.state.version, one.state.archived_before) == (
            other.state.version,
            other.state.archived_before,
        ):
            return None
        relations = _differing(session.duckdb, one, other)
    elif one or other:
        return TableDiff(name, "added" if other else "removed", *counts, rows=None)
    else:
        compiled = session.compiled_for_duckdb
        view = compiled.project.name_of(name)
        views = (source(compiled, view, tables) for tables in (left, right))
        relations = [relation(view, scan, session.duckdb.dialect) for view in views]
    if not relations:
        return None
    before, after = relations
    key = _key(session.project, name)
    rows = compare(session.duckdb.connection, before, after, key=key, detail=detail)
    return TableDiff(name, "changed", *counts, rows=rows) if rows else None


def _differing(engine: DuckDB, one: StoredTable, other: StoredTable) -> list[str]:
    """Return two relations of the rows that may differ; none if the tables share all files."""
    left, right = engine.data_files(one), engine.data_files(other)
    if left is None or right is None:
        return [f"iceberg_scan({literal(table.metadata)})" for table in (one, other)]
    if left == right:
        return []
    only = [parquet(sorted(paths)) if paths else "" for paths in (left - right, right - left)]
    return [rows or f"(FROM {only[1 - side]} LIMIT 0)" for side, rows in enumerate(only)]


def _key(project: Project, table: str) -> tuple[str, ...]:
    """Return the columns that identify a row of a table, as declared; empty if none are."""
    for spec in project.ingestions.values():
        if spec.table == table:
            return spec.unique_key
    return next(_unique(project, table), ())


def _unique(project: Project, table: str) -> Iterator[tuple[str, ...]]:
    """Yield the columns of every UniqueCheck of a table."""
    for quality in project.checks.values():
        if quality.table == table:
            for check in quality.checks:
                if isinstance(check, UniqueCheck):
                    yield check.columns_used
