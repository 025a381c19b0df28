"""Relations that DuckDB selects from, as SQL: stored tables and Parquet files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lakehouse.catalogs import StoredTable
from lakehouse.engines.sql import identifier, literal, path_literal
from lakehouse.plan.file_spans import FileSpan

if TYPE_CHECKING:
    import ibis


FILE = "_lakehouse_file"
"""Column with the path of the file that a row was read from."""


def scan(table: StoredTable, _schema: ibis.Schema) -> str:
    """The SQL of a stored table, to stand after FROM."""
    return f"iceberg_scan({literal(table.metadata)})"


def parquet(paths: Iterable[str], *options: str) -> str:
    """The SQL of Parquet files, to stand after FROM; a column that a file lacks is null there."""
    listed = ", ".join(map(path_literal, paths))
    settings = ", ".join(("union_by_name = true", "hive_partitioning = false", *options))
    return f"read_parquet([{listed}], {settings})"


def parquet_with_files(paths: Iterable[str]) -> str:
    """The same, with a column FILE that holds the path of each row's file."""
    return parquet(paths, f"filename = {literal(FILE)}")


def file_part(time_column: str, span: FileSpan) -> str:
    """The SQL expression of the file that a row belongs to: rows with equal values share one."""
    # Computed without a time zone, which DuckDB would look up in a calendar for every row.
    day = f"CAST(make_timestamp(epoch_us({identifier(time_column)})) AS DATE)"
    if span.days is None:
        return f"CAST(date_trunc('month', {day}) AS DATE)"
    return f"({day} - DATE '1970-01-01') // {span.days}"
