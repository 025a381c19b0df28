"""Rows in quarantine: counted by reason and day, or listed one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from lakehouse.catalogs import MAIN
from lakehouse.compile.quarantine_reasons import PAYLOAD, REASONS
from lakehouse.declare.raw_columns import INGESTED_AT, RUN_ID
from lakehouse.declare.specs import IngestionSpec
from lakehouse.engines.sql import identifier, literal, qualified
from lakehouse.ingest.quarantine import quarantine_table
from lakehouse.session import Session

_VALUE = r"(^|; )(\w+): [^;]* is not "
_WITHOUT = r"\1\2: … is not "
"""Replaces the wrong value in a reason, so that rows with different values are counted together."""


@dataclass(frozen=True)
class RejectedCount:
    """Number of rows rejected for one reason on one day; a row may have several reasons."""

    table: str
    reason: str
    day: date
    """Day on which they were fetched, in the project's time zone."""
    rows: int


def count(session: Session, ref: str = MAIN) -> list[RejectedCount]:
    """Return the number of rows in quarantine by reason and day, the newest day first."""
    zone = literal(session.settings.timezone.key)
    counts = []
    for spec in _quarantined(session, ref):
        reasons = f"regexp_replace({REASONS}, {literal(_VALUE)}, {literal(_WITHOUT)}, 'g')"
        rows = session.query(
            f"SELECT reason, CAST(timezone({zone}, {INGESTED_AT}) AS DATE) AS day,"
            f" count(*) AS rows FROM (SELECT {INGESTED_AT},"
            f" unnest(string_split({reasons}, '; ')) AS reason"
            f" FROM {qualified(quarantine_table(spec))}) GROUP BY ALL",
            ref,
        ).to_pylist()
        counts += [RejectedCount(quarantine_table(spec), **row) for row in rows]
    return sorted(counts, key=lambda row: (-row.day.toordinal(), row.table, -row.rows))


def show(
    session: Session, *, reason: str = "", limit: int = 20, ref: str = MAIN
) -> list[dict[str, Any]]:
    """Return the newest rows in quarantine whose reasons contain a text, at most `limit`."""
    listed: list[dict[str, Any]] = []
    for spec in _quarantined(session, ref):
        key = ", ".join(map(identifier, spec.unique_key))
        rows = session.query(
            f"SELECT {INGESTED_AT} AS fetched_at, {RUN_ID} AS run, {key}, {REASONS}, {PAYLOAD}"
            f" FROM {qualified(quarantine_table(spec))}"
            f" WHERE contains(lower({REASONS}), lower({literal(reason)}))"
            f" ORDER BY {INGESTED_AT} DESC, {REASONS} LIMIT {limit - len(listed)}",
            ref,
        ).to_pylist()
        table = quarantine_table(spec)
        listed += [
            {
                "table": table,
                "key": ", ".join(f"{name}={row.pop(name)}" for name in spec.unique_key),
                **row,
            }
            for row in rows
        ]
    return listed


def _quarantined(session: Session, ref: str) -> Iterator[IngestionSpec]:
    """Yield the ingestions that have a quarantine table on a ref."""
    tables = session.catalog.tables(ref)
    for spec in session.project.ingestions.values():
        if quarantine_table(spec) in tables:
            yield spec
