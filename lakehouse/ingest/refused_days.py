"""Days of which most fetched rows were rejected: their source has changed, or is not understood.

The good rows and those of other keys reach main; the run ends with a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.checks import sample_rows
from lakehouse.checks.result import CheckResult
from lakehouse.compile.quarantine_reasons import REASONS
from lakehouse.declare.raw_columns import INGESTED_AT
from lakehouse.engines.sql import identifier
from lakehouse.ingest import temporary_tables
from lakehouse.ingest.quarantine import quarantine_table

if TYPE_CHECKING:
    from lakehouse.declare.specs import IngestionSpec
    from lakehouse.engines.duckdb import DuckDB
    from lakehouse.windows import Window

_DAY_MICROSECONDS = 86_400_000_000
_COUNTED = "day, fetched, rejected, reason"


def refused_days(
    engine: DuckDB, spec: IngestionSpec, key: Sequence[str], window: Window
) -> list[CheckResult]:
    """Look for days of a key, such as a person, of whose just validated rows most were rejected.

    `key` are columns of the unique key, days are those of UTC in the fetched `window`. A key whose
    rows were mostly rejected without a time in that window is found without a day. Return the
    check that failed, if one did.
    """
    if spec.time_column is None:
        return []
    names = [*map(identifier, key)]
    rows = engine.execute(_select(spec, names, window)).to_arrow_table()
    if not rows.num_rows:
        return []
    table = quarantine_table(spec)
    return [
        CheckResult(
            check=spec.name,
            table=table,
            label="most rows of a day are valid",
            blocking=False,
            passed=False,
            failures=rows.num_rows,
            examples=sample_rows.examples(rows.slice(0, sample_rows.EXAMPLES), key),
            sql=f"SELECT * FROM {table} ORDER BY {INGESTED_AT} DESC",
            finding=True,
        )
    ]


def _select(spec: IngestionSpec, names: Sequence[str], window: Window) -> str:
    """Return the SELECT of the days, with the numbers of rows and one of the reasons."""
    moment = f"epoch_us({identifier(spec.time_column or '')})"
    start, end = (int(edge.timestamp()) * 1_000_000 for edge in (window.start, window.end))
    day = f"make_timestamp({moment} // {_DAY_MICROSECONDS} * {_DAY_MICROSECONDS})::DATE"
    day = f"CASE WHEN {moment} >= {start} AND {moment} < {end} THEN {day} END"
    columns = ", ".join([*names, _COUNTED])
    same = " AND ".join(f"whole.{name} IS NOT DISTINCT FROM bad.{name}" for name in names)
    by_key = f"GROUP BY {', '.join(names)}" if names else ""
    return f"""
        WITH counted AS (
            SELECT {", ".join([*names, f"{day} AS day"])}, count(*) AS fetched,
                count(*) FILTER ({REASONS} <> '') AS rejected,
                min({REASONS}) FILTER ({REASONS} <> '') AS reason
            FROM {identifier(temporary_tables.validated(spec))} GROUP BY ALL
        ), bad AS (
            SELECT {columns} FROM counted WHERE day IS NOT NULL AND 2 * rejected > fetched
        ), whole AS (
            SELECT {", ".join([*names, "NULL::DATE AS day"])}, sum(fetched) AS fetched,
                sum(rejected) AS rejected, min(reason) AS reason
            FROM counted {by_key} HAVING 2 * sum(rejected) > sum(fetched)
        )
        SELECT {columns} FROM bad UNION ALL BY NAME
        SELECT {columns} FROM whole WHERE NOT EXISTS (SELECT 1 FROM bad WHERE {same or "true"})
        ORDER BY {", ".join([*names, "day"])}
    """
