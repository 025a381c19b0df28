"""Values of optional fields that their types do not hold: null in the raw table, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakehouse.compile.quarantine_reasons import NULLED, REASONS
from lakehouse.declare.raw_columns import optional
from lakehouse.engines.duckdb import DuckDB
from lakehouse.engines.sql import identifier
from lakehouse.ingest.temporary_tables import WRITTEN

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec


def count(engine: DuckDB, spec: IngestionSpec, validated: str) -> Counter[str]:
    """Count, by field, the values that became null in the rows that were just written.

    `validated` is the temporary table of the validated rows.
    """
    if not optional(spec):
        return Counter()
    key = ", ".join(map(identifier, spec.unique_key))
    rows = engine.execute(
        f"SELECT name, count(*) FROM (SELECT unnest({NULLED}) AS name FROM {identifier(validated)}"
        f" SEMI JOIN {WRITTEN} USING ({key}) WHERE {REASONS} = '') GROUP BY name"
    ).fetchall()
    return Counter(dict(rows))


def summary(counts: Mapping[str, int]) -> str:
    """Say in words which fields had values that became null; empty if none had."""
    named = (f"{count} of {name!r}" for name, count in sorted(counts.items()))
    return f"values that were not of their type are null: {', '.join(named)}" if counts else ""
