"""Quarantine: the table of rows that failed validation, as they were fetched, with the reasons.

A rejected row is identified by its key or, if a part of the key is missing, by its content. A row
that is rejected again keeps the run that first wrote it; it is removed once it arrives valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import ibis

from lakehouse.catalogs import Catalog, DataFile, StoredTable, TableChange
from lakehouse.checks import Tolerance, sample_rows
from lakehouse.checks.result import CheckResult
from lakehouse.compile.quarantine_reasons import FIELDS, KEPT_FIELDS, PAYLOAD, REASONS
from lakehouse.declare.column_types import arrow_schema
from lakehouse.declare.raw_columns import (
    BOOKKEEPING,
    INGESTED_AT,
    POSITION,
    RUN_ID,
    declared,
    file_column,
)
from lakehouse.engines.duckdb import DuckDB
from lakehouse.engines.duckdb_relations import parquet
from lakehouse.engines.sql import columns, empty_relation, identifier, literal
from lakehouse.ingest import temporary_tables
from lakehouse.ingest.merge_counts import MergeCounts
from lakehouse.ingest.temporary_tables import QUARANTINE_AFTER, QUARANTINE_BEFORE, REJECTED
from lakehouse.ingest.validate import keyless
from lakehouse.plan.state import Change, TableState
from lakehouse.table_names import name_of
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.declare.specs import IngestionSpec

_IDENTITY = "_identity"
"""Temporary column with a hash of what identifies a row."""


def quarantine_table(spec: IngestionSpec) -> str:
    """Return the qualified name of the table of an ingestion's rejected rows."""
    return f"quarantine.{name_of(spec.table)}"


def quarantine_schema(spec: IngestionSpec) -> ibis.Schema:
    """Return the columns of the quarantine: key as text, row as received, reasons, run and time.

    `payload` is the schema's column of that name or, without one, all fields as JSON; `_fields`
    holds all fields that are needed to validate the row again.
    """
    key = dict.fromkeys(spec.unique_key, "string")
    row = dict.fromkeys((PAYLOAD, FIELDS, REASONS), "string")
    return ibis.schema({**key, **row, **file_column(spec), **BOOKKEEPING})


def quarantined_rows(engine: DuckDB, spec: IngestionSpec, files: list[DataFile]) -> pa.Table:
    """Return the quarantined rows as they were fetched, the oldest first, to be staged again.

    Rows that were rejected by an older version, which did not keep `_fields`, stay in quarantine.
    """
    fields = [
        f"json_extract_string({FIELDS}, {literal(f'$.{identifier(name)}')}) AS {identifier(name)}"
        for name in declared(spec)
        if name != PAYLOAD
    ]
    kept = [PAYLOAD] if PAYLOAD in declared(spec) else []
    selected = ", ".join([*fields, *kept, *file_column(spec), f"{FIELDS} AS {KEPT_FIELDS}"])
    return engine.execute(
        f"SELECT {selected} FROM {stored_rows(spec, files)}"
        f" WHERE {FIELDS} IS NOT NULL ORDER BY {INGESTED_AT}"
    ).to_arrow_table()


def stored_rows(spec: IngestionSpec, files: list[DataFile]) -> str:
    """Return a relation of the rows of these files; columns that older files lack are null."""
    empty = empty_relation(quarantine_schema(spec), "duckdb")
    if not files:
        return f"({empty})"
    return f"({empty} UNION ALL BY NAME SELECT * FROM {parquet(file.path for file in files)})"


def too_many(engine: DuckDB, spec: IngestionSpec, counts: MergeCounts) -> list[CheckResult]:
    """Check that no more rows of a fetch were rejected than the ingestion allows.

    Return no result if the ingestion sets no limit or nothing was fetched. The examples are rows
    of the batch that was validated last.
    """
    most = spec.max_quarantine_percent
    if most is None or not counts.fetched:
        return []
    names = [*spec.unique_key, REASONS]
    rows = identifier(temporary_tables.validated(spec))
    few = engine.execute(
        f"SELECT {', '.join(map(identifier, names))} FROM {rows}"
        f" WHERE {REASONS} <> '' LIMIT {sample_rows.EXAMPLES}"
    ).to_arrow_table()
    table = quarantine_table(spec)
    result = CheckResult(
        check=spec.name,
        table=table,
        label=f"at most {most:g} % of fetched rows",
        blocking=True,
        passed=Tolerance(max_percent=most).allows(counts.quarantined, counts.fetched),
        failures=counts.quarantined,
        rows=counts.fetched,
        examples=sample_rows.examples(few, names),
        sql=f"SELECT * FROM {table} ORDER BY {INGESTED_AT} DESC" if counts.quarantined else "",
    )
    return [result]


@dataclass(frozen=True)
class Quarantine:
    """Writer of the quarantine table of one ingestion, in one run."""

    engine: DuckDB
    catalog: Catalog
    branch: str
    spec: IngestionSpec
    run_id: str
    at: datetime

    def update(
        self, validated: str, rejected: int, stored: StoredTable | None
    ) -> StoredTable | None:
        """Add the rejected rows of the temporary table `validated`, and remove rows now valid.

        `rejected` is the number of rejected rows, `stored` the quarantine before. Return the
        quarantine as it is now, or None if nothing was written.
        """
        if stored is None and not rejected:
            return None
        schema = quarantine_schema(self.spec)
        files = self.catalog.files(self.branch, stored.name) if stored else []
        self._prepare(validated, stored_rows(self.spec, files), schema)
        if not self._differs():
            return None
        folder = f"{self.catalog.location(quarantine_table(self.spec))}/data"
        statement = f"SELECT {columns(schema)} FROM {QUARANTINE_AFTER}"
        added, _ = self.engine.copy(statement, folder, None)
        state = TableState("quarantine", (Change(self.run_id, (ALL_TIME,)),))
        table = quarantine_table(self.spec)
        return self.catalog.write(
            self.branch, TableChange(table, arrow_schema(schema), files, added, state)
        )

    def _prepare(self, validated: str, rows: str, schema: ibis.Schema) -> None:
        """Make the temporary tables QUARANTINE_BEFORE, from `rows`, and QUARANTINE_AFTER."""
        run = self.engine.connection.execute
        key = [identifier(name) for name in self.spec.unique_key]
        parts = ", ".join(f"{name}::VARCHAR" for name in key)
        identity = f"md5(CASE WHEN {keyless(self.spec)} THEN {PAYLOAD} ELSE [{parts}]::VARCHAR END)"
        run(
            f"CREATE OR REPLACE TEMP TABLE {QUARANTINE_BEFORE} AS"
            f" SELECT {columns(schema)}, {identity} AS {_IDENTITY} FROM {rows}"
        )
        texts = ", ".join(f"{name}::VARCHAR AS {name}" for name in key)
        run(
            f"CREATE OR REPLACE TEMP TABLE {REJECTED} AS"
            f" SELECT {', '.join([texts, PAYLOAD, FIELDS, REASONS, *file_column(self.spec)])},"
            f" {literal(self.run_id)} AS {RUN_ID},"
            f" TIMESTAMPTZ {literal(self.at.isoformat())} AS {INGESTED_AT},"
            f" {identity} AS {_IDENTITY}"
            f" FROM {identifier(validated)} WHERE {REASONS} <> ''"
            f" QUALIFY row_number() OVER (PARTITION BY {_IDENTITY} ORDER BY {POSITION} DESC) = 1"
        )
        run(
            f"CREATE OR REPLACE TEMP TABLE {QUARANTINE_AFTER} AS"
            f" SELECT b.* FROM {QUARANTINE_BEFORE} b LEFT JOIN {REJECTED} r USING (_identity)"
            f" WHERE CASE WHEN r.{_IDENTITY} IS NULL THEN b.{_IDENTITY} NOT IN"
            f" (SELECT {identity} FROM {identifier(validated)} WHERE {REASONS} = '')"
            f" ELSE r.{PAYLOAD} = b.{PAYLOAD} AND r.{REASONS} = b.{REASONS} END"
            f" UNION ALL SELECT r.* FROM {REJECTED} r LEFT JOIN {QUARANTINE_BEFORE} b"
            f" USING (_identity) WHERE b.{_IDENTITY} IS NULL OR r.{PAYLOAD} <> b.{PAYLOAD}"
            f" OR r.{REASONS} <> b.{REASONS}"
        )

    def _differs(self) -> bool:
        """Return whether any row was added, removed or replaced."""
        both = f"{QUARANTINE_AFTER} a FULL JOIN {QUARANTINE_BEFORE} b USING ({_IDENTITY})"
        other = f"a.{RUN_ID} IS DISTINCT FROM b.{RUN_ID}"
        return self.engine.scalar(f"SELECT count(*) FROM {both} WHERE {other}") > 0
