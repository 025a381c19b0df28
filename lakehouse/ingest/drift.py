"""Schema drift: fields that a source sends now and did not send before.

The fields that rows of a source have had so far are remembered in the state of its raw table.
Fields that are not declared are kept in the `payload` column, if the schema declares one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lakehouse.compile.quarantine_reasons import PAYLOAD
from lakehouse.declare.raw_columns import declared
from lakehouse.engines.duckdb import DuckDB
from lakehouse.ingest.temporary_tables import WRITTEN

if TYPE_CHECKING:
    from lakehouse.catalogs import StoredTable
    from lakehouse.declare.specs import IngestionSpec

MOST = 500
"""Fields of a source, at most, whose names are remembered.

A source with more of them uses data, such as ids, as field names.
"""


def fields(engine: DuckDB, spec: IngestionSpec, fetched: frozenset[str]) -> frozenset[str]:
    """Return the fields of written rows: those in their payloads or, without any, the columns."""
    if PAYLOAD not in declared(spec):
        return fetched
    rows = engine.execute(  # what is no object has no keys
        f"SELECT DISTINCT unnest(json_keys(TRY_CAST({PAYLOAD} AS JSON))) FROM {WRITTEN}"
        f" LIMIT {MOST + 1}"
    ).fetchall()
    return frozenset(name for (name,) in rows)


def remembered(known: Collection[str], seen: Collection[str]) -> tuple[str, ...]:
    """Return all fields, `known` and newly `seen`; only the known ones if there are too many."""
    union = {*known, *seen}
    return tuple(sorted(union if len(union) <= MOST else known))


def new_fields(spec: IngestionSpec, before: StoredTable | None, after: StoredTable | None) -> str:
    """Return a message that names the new fields of a source; empty if there are none."""
    if before is None or after is None or not before.state.fields:
        return ""
    new = [name for name in after.state.fields if name not in before.state.fields]
    if not new:
        return ""
    lost = PAYLOAD not in declared(spec) and set(new) - set(declared(spec))
    outcome = "not kept: declare them, or a `payload`" if lost else "kept in the payload"
    return f"new fields of the source: {', '.join(new)} ({outcome})"
