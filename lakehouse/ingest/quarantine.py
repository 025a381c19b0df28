"""Quarantine: rows that failed validation, as they were fetched, with the reasons.

A rejected row is kept under its key, or, where the key itself is missing, under its content. A
row that comes again keeps its first run; one that comes again valid leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import ibis

from lakehouse import evidence
from lakehouse.audit import CheckResult
from lakehouse.catalogs import Catalog, DataFile, StoredTable, TableChange
from lakehouse.checks import Tolerance
from lakehouse.engines.duckdb import DuckDB, parquet
from lakehouse.engines.sql import columns, nothing, quoted, text
from lakehouse.ingest.merge import Landing
from lakehouse.ingest.validate import keyless
from lakehouse.judgement import FIELDS, PAYLOAD, REASONS
from lakehouse.raw import BOOKKEEPING, INGESTED_AT, POSITION, RUN_ID, declared
from lakehouse.state import Change, TableState
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.declare import IngestionSpec

_IDENTITY = "_identity"


def quarantine_table(spec: IngestionSpec) -> str:
    """The qualified name of the table of an ingestion's rejected rows."""
    return f"quarantine.{spec.name}"


def quarantine_schema(spec: IngestionSpec) -> ibis.Schema:
    """Its columns: the key as text, the row as received, the reasons, and which run when.

    `payload` is what the schema calls so, or else all fields; `_fields` is what it takes to judge
    the row again.
    """
    key = dict.fromkeys(spec.unique_key, "string")
    row = dict.fromkeys((PAYLOAD, FIELDS, REASONS), "string")
    return ibis.schema({**key, **row, **BOOKKEEPING})


def judged_again(engine: DuckDB, spec: IngestionSpec, files: list[DataFile]) -> pa.Table:
    """The quarantined rows as they were fetched, the oldest first, to be staged once more.

    A row that was rejected before its fields were kept is left where it is.
    """
    fields = [
        f"json_extract_string({FIELDS}, {text(f'$.{quoted(name)}')}) AS {quoted(name)}"
        for name in declared(spec)
        if name != PAYLOAD
    ]
    kept = [PAYLOAD] if PAYLOAD in declared(spec) else []
    return engine.execute(
        f"SELECT {', '.join([*fields, *kept, FIELDS])} FROM {_rows(spec, files)}"
        f" WHERE {FIELDS} IS NOT NULL ORDER BY {INGESTED_AT}"
    ).to_arrow_table()


def _rows(spec: IngestionSpec, files: list[DataFile]) -> str:
    """The rows of these files; columns that older ones lack are null."""
    empty = nothing(quarantine_schema(spec), "duckdb")
    if not files:
        return f"({empty})"
    return f"({empty} UNION ALL BY NAME SELECT * FROM {parquet(file.path for file in files)})"


def too_many(engine: DuckDB, spec: IngestionSpec, landing: Landing) -> list[CheckResult]:
    """Whether more rows of a fetch were rejected than the ingestion bears, as a check, if it says.

    The examples are of what was judged last.
    """
    most = spec.max_quarantine_percent
    if most is None or not landing.fetched:
        return []
    names = [*spec.unique_key, REASONS]
    few = engine.execute(
        f"SELECT {', '.join(map(quoted, names))} FROM {quoted(f'{spec.name}_validated')}"
        f" WHERE {REASONS} <> '' LIMIT {evidence.EXAMPLES}"
    ).to_arrow_table()
    table = quarantine_table(spec)
    result = CheckResult(
        check=spec.name,
        table=table,
        label=f"at most {most:g} % of fetched rows",
        blocking=True,
        passed=Tolerance(max_percent=most).bears(landing.quarantined, landing.fetched),
        failures=landing.quarantined,
        rows=landing.fetched,
        examples=evidence.examples(few, names),
        sql=f"SELECT * FROM {table} ORDER BY {INGESTED_AT} DESC" if landing.quarantined else "",
    )
    return [result]


@dataclass(frozen=True)
class Quarantine:
    """Where the rejected rows of an ingestion go."""

    engine: DuckDB
    catalog: Catalog
    branch: str
    spec: IngestionSpec
    run_id: str
    at: datetime

    def update(
        self, validated: str, rejected: int, stored: StoredTable | None
    ) -> StoredTable | None:
        """Add the rejected rows of the temporary table; take out those that came valid.

        `rejected` is how many there are. Gives the table as it stands now if anything was written.
        """
        if stored is None and not rejected:
            return None
        schema = quarantine_schema(self.spec)
        files = self.catalog.files(self.branch, stored.name) if stored else []
        self._prepare(validated, _rows(self.spec, files), schema)
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
        parts = ", ".join(f"{name}::VARCHAR" for name in key)
        identity = f"md5(CASE WHEN {keyless(self.spec)} THEN {PAYLOAD} ELSE [{parts}]::VARCHAR END)"
        run(
            "CREATE OR REPLACE TEMP TABLE quarantine_before AS"
            f" SELECT {columns(schema)}, {identity} AS {_IDENTITY} FROM {rows}"
        )
        texts = ", ".join(f"{name}::VARCHAR AS {name}" for name in key)
        run(
            "CREATE OR REPLACE TEMP TABLE rejected AS"
            f" SELECT {texts}, {PAYLOAD}, {FIELDS}, {REASONS}, {text(self.run_id)} AS {RUN_ID},"
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
