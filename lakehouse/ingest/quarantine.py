"""Quarantine: rows that failed validation, as they were fetched, with the reasons.

A rejected row is kept under its key, or, where the key itself is missing, under its content. A
row that comes again keeps its first run; one that comes again valid leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import ibis

from lakehouse.catalogs import Catalog, StoredTable, TableChange
from lakehouse.engines.duckdb import DuckDB, parquet
from lakehouse.engines.sql import columns, nothing, quoted, text
from lakehouse.ingest.stage import POSITION
from lakehouse.ingest.validate import PAYLOAD, REASONS
from lakehouse.raw import BOOKKEEPING, INGESTED_AT, RUN_ID
from lakehouse.state import Change, TableState
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    from lakehouse.declare import IngestionSpec

_IDENTITY = "_identity"


def quarantine_table(spec: IngestionSpec) -> str:
    """The qualified name of the table of an ingestion's rejected rows."""
    return f"quarantine.{spec.name}"


def quarantine_schema(spec: IngestionSpec) -> ibis.Schema:
    """Its columns: the key as text, the row as received, the reasons, and which run when."""
    key = dict.fromkeys(spec.unique_key, "string")
    return ibis.schema({**key, PAYLOAD: "string", REASONS: "string", **BOOKKEEPING})


@dataclass(frozen=True)
class Quarantine:
    """Where the rejected rows of an ingestion go."""

    engine: DuckDB
    catalog: Catalog
    branch: str
    spec: IngestionSpec
    run_id: str
    at: datetime

    def update(self, validated: str, stored: StoredTable | None) -> StoredTable | None:
        """Add the rejected rows of the temporary table; take out those that came valid.

        Gives the table as it stands now if anything was written.
        """
        rejected = f"SELECT count(*) FROM {quoted(validated)} WHERE {REASONS} <> ''"
        if stored is None and not self.engine.scalar(rejected):
            return None
        schema = quarantine_schema(self.spec)
        files = self.catalog.files(self.branch, stored.name, (ALL_TIME,), "") if stored else []
        rows = parquet(f.path for f in files) if files else f"({nothing(schema, 'duckdb')})"
        self._prepare(validated, rows, schema)
        if not self._differs():
            return None
        folder = f"{self.catalog.location(quarantine_table(self.spec))}/data"
        statement = f"SELECT {columns(schema)} FROM quarantine_after"
        added, _ = self.engine.copy(statement, folder, None)
        state = TableState("quarantine", (Change(self.run_id, (ALL_TIME,)),))
        table = quarantine_table(self.spec)
        return self.catalog.write(
            self.branch, TableChange(table, schema.to_pyarrow(), files, added, state)
        )

    def _prepare(self, validated: str, rows: str, schema: ibis.Schema) -> None:
        """Temporary tables `quarantine_before` and `quarantine_after`."""
        run = self.engine.connection.execute
        key = [quoted(name) for name in self.spec.unique_key]
        # A key with a null or empty part is no key: the content stands for it.
        parts = ", ".join(f"{name}::VARCHAR" for name in key)
        missing = " OR ".join(f"coalesce({name}::VARCHAR, '') = ''" for name in key)
        identity = f"md5(CASE WHEN {missing} THEN {PAYLOAD} ELSE [{parts}]::VARCHAR END)"
        run(
            "CREATE OR REPLACE TEMP TABLE quarantine_before AS"
            f" SELECT {columns(schema)}, {identity} AS {_IDENTITY} FROM {rows}"
        )
        texts = ", ".join(f"{name}::VARCHAR AS {name}" for name in key)
        run(
            "CREATE OR REPLACE TEMP TABLE rejected AS"
            f" SELECT {texts}, {PAYLOAD}, {REASONS}, {text(self.run_id)} AS {RUN_ID},"
            f" TIMESTAMPTZ {text(self.at.isoformat())} AS {INGESTED_AT},"
            f" {identity} AS {_IDENTITY}"
            f" FROM {quoted(validated)} WHERE {REASONS} <> ''"
            f" QUALIFY row_number() OVER (PARTITION BY {_IDENTITY} ORDER BY {POSITION} DESC) = 1"
        )
        run(
            "CREATE OR REPLACE TEMP TABLE quarantine_after AS"
            " SELECT b.* FROM quarantine_before b LEFT JOIN rejected r USING (_identity)"
            f" WHERE (r.{_IDENTITY} IS NULL OR (r.{PAYLOAD} = b.{PAYLOAD}"
            f" AND r.{REASONS} = b.{REASONS})) AND b.{_IDENTITY} NOT IN"
            f" (SELECT {identity} FROM {quoted(validated)} WHERE {REASONS} = '')"
            " UNION ALL SELECT r.* FROM rejected r LEFT JOIN quarantine_before b"
            f" USING (_identity) WHERE b.{_IDENTITY} IS NULL OR r.{PAYLOAD} <> b.{PAYLOAD}"
            f" OR r.{REASONS} <> b.{REASONS}"
        )

    def _differs(self) -> bool:
        both = f"quarantine_after a FULL JOIN quarantine_before b USING ({_IDENTITY})"
        other = f"a.{RUN_ID} IS DISTINCT FROM b.{RUN_ID}"
        return self.engine.scalar(f"SELECT count(*) FROM {both} WHERE {other}") > 0
