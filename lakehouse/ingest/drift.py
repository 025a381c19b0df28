"""Drift: what a source sends that it did not send before.

The fields that a source's rows had so far are remembered with its raw table. A row's unknown fields
are in its `payload`, if the schema declares one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lakehouse.engines.duckdb import DuckDB
from lakehouse.judgement import PAYLOAD
from lakehouse.raw import declared

if TYPE_CHECKING:
    from lakehouse.catalogs import StoredTable
    from lakehouse.declare import IngestionSpec

WRITTEN = "written"
"""The temporary view of the rows that a merge writes."""
_MOST = 500
"""A source with more fields than this names them after its data: they are not told apart."""


def fields(engine: DuckDB, spec: IngestionSpec, fetched: frozenset[str]) -> frozenset[str]:
    """What rows have: the documents that are written, or, without `payload`, the columns."""
    if PAYLOAD not in declared(spec):
        return fetched
    document = f"TRY_CAST({PAYLOAD} AS JSON)"
    rows = engine.execute(
        f"SELECT DISTINCT unnest(json_keys({document})) FROM {WRITTEN}"
        f" WHERE json_type({document}) = 'OBJECT' LIMIT {_MOST + 1}"
    ).fetchall()
    return frozenset(name for (name,) in rows)


def remembered(known: Collection[str], seen: Collection[str]) -> tuple[str, ...]:
    """All fields so far; those that were known, if there are too many."""
    every = {*known, *seen}
    return tuple(sorted(every if len(every) <= _MOST else known))


def news(spec: IngestionSpec, before: StoredTable | None, after: StoredTable | None) -> str:
    """What a source sends now and did not send before, in words; empty if that is nothing."""
    if before is None or after is None or not before.state.fields:
        return ""
    new = [name for name in after.state.fields if name not in before.state.fields]
    if not new:
        return ""
    lost = PAYLOAD not in declared(spec) and set(new) - set(declared(spec))
    what = "not kept: declare them, or a `payload`" if lost else "kept in the payload"
    return f"new fields of the source: {', '.join(new)} ({what})"
