"""What is in quarantine: counted by reason and day, or row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from lakehouse.catalogs import MAIN
from lakehouse.declare import IngestionSpec
from lakehouse.engines.sql import qualified, quoted, text
from lakehouse.ingest.quarantine import quarantine_table
from lakehouse.judgement import PAYLOAD, REASONS
from lakehouse.raw import INGESTED_AT, RUN_ID
from lakehouse.session import Session

_VALUE = r"(^|; )(\w+): [^;]* is not "
_WITHOUT = r"\1\2: … is not "
"""A reason shows the value that was wrong: rows are counted together whatever it was."""


@dataclass(frozen=True)
class Rejected:
    """Rows that were rejected for one reason on one day; a row may have several reasons."""

    table: str
    reason: str
    day: date
    """The local day on which they were fetched."""
    rows: int


def count(session: Session, ref: str = MAIN) -> list[Rejected]:
    """The rows in quarantine by reason and day, the newest first."""
    zone = text(session.settings.timezone.key)
    found = []
    for spec in _held(session, ref):
        reasons = f"regexp_replace({REASONS}, {text(_VALUE)}, {text(_WITHOUT)}, 'g')"
        rows = session.query(
            f"SELECT reason, CAST(timezone({zone}, {INGESTED_AT}) AS DATE) AS day,"
            f" count(*) AS rows FROM (SELECT {INGESTED_AT},"
            f" unnest(string_split({reasons}, '; ')) AS reason"
            f" FROM {qualified(quarantine_table(spec))}) GROUP BY ALL",
            ref,
        ).to_pylist()
        found += [Rejected(quarantine_table(spec), **row) for row in rows]
    return sorted(found, key=lambda each: (-each.day.toordinal(), each.table, -each.rows))


def show(
    session: Session, *, reason: str = "", limit: int = 20, ref: str = MAIN
) -> list[dict[str, Any]]:
    """The newest rows in quarantine; only those with a reason that contains the text."""
    found: list[dict[str, Any]] = []
    for spec in _held(session, ref):
        key = ", ".join(map(quoted, spec.unique_key))
        rows = session.query(
            f"SELECT {INGESTED_AT} AS fetched_at, {RUN_ID} AS run, {key}, {REASONS}, {PAYLOAD}"
            f" FROM {qualified(quarantine_table(spec))}"
            f" WHERE contains(lower({REASONS}), lower({text(reason)}))"
            f" ORDER BY {INGESTED_AT} DESC, {REASONS} LIMIT {limit - len(found)}",
            ref,
        ).to_pylist()
        table = quarantine_table(spec)
        found += [
            {
                "table": table,
                "key": ", ".join(f"{name}={row.pop(name)}" for name in spec.unique_key),
                **row,
            }
            for row in rows
        ]
    return found


def _held(session: Session, ref: str) -> Iterator[IngestionSpec]:
    """The ingestions with a quarantine on the ref."""
    tables = session.catalog.tables(ref)
    for spec in session.project.ingestions.values():
        if quarantine_table(spec) in tables:
            yield spec
