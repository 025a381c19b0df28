"""Keys of a folder that are in several of its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.declare.raw_columns import FILE_NAME, GONE_AT
from lakehouse.engines.sql import identifier
from lakehouse.ingest import versions
from lakehouse.ingest.temporary_tables import RETURNED

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.ingest.folder import Folder


def is_shared(engine: DuckDB, spec: IngestionSpec, folder: Folder, rows: str) -> bool:
    """Return whether a key that came is in several files, of those that came or are stored.

    `rows` is a relation of the stored rows.
    """
    key = ", ".join(map(identifier, spec.unique_key))
    is_there = f"{GONE_AT} IS NULL AND NOT {versions.is_touched(folder.absent, 'e')}"
    count = engine.scalar(
        "SELECT count(*) FROM (SELECT 1 FROM ("
        f"SELECT {key}, {FILE_NAME} FROM {RETURNED} UNION ALL SELECT {key}, {FILE_NAME}"
        f" FROM (SELECT * FROM {rows}) AS e SEMI JOIN {RETURNED} USING ({key}) WHERE {is_there})"
        f" GROUP BY {key} HAVING count(DISTINCT {FILE_NAME}) > 1 LIMIT 1)"
    )
    return count > 0
