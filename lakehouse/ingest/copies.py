"""Copies of seeds and of tables that others write: read as a whole, compared, and replaced.

The rows are compared with those that are stored. If they are the same, nothing is written, even if
the file was written anew; else the table gets the new rows, all at once with the rest of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.catalogs import Catalog, StoredTable, TableChange
from lakehouse.declare.column_types import arrow_schema, stored
from lakehouse.declare.copies import fingerprint
from lakehouse.engines.duckdb_relations import scan
from lakehouse.engines.sql import columns, identifier, literal, sql_type
from lakehouse.errors import choices
from lakehouse.ingest.exact_casts import exact_cast
from lakehouse.ingest.origins import Rows
from lakehouse.plan.state import Change, TableState
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    import ibis

    from lakehouse.declare.copies import CopySpec
    from lakehouse.engines.duckdb import DuckDB

_COPIED = "copied"
"""Temporary table with the rows of the origin."""
_REFUSED, _LINE = "_lakehouse_refused", "_lakehouse_line"
"""Its columns with the name of a column whose value is not of its type, and with a row's line."""
_DIALECT = "duckdb"


@dataclass(frozen=True)
class CopyWriter:
    """Writes the table of one copy on a run's branch."""

    engine: DuckDB
    catalog: Catalog
    branch: str
    spec: CopySpec
    run_id: str

    def write(
        self, rows: Rows, version: str, before: StoredTable | None
    ) -> tuple[int, StoredTable | None]:
        """Give the table the rows of its origin, which has this `version`; `before` is the table.

        Return how many rows there are, and the table as it is now, or None if nothing was written.
        Raises the error of a value that is not of its type.
        """
        declared = self.spec.origin.columns()
        schema = _stored(declared)
        count = self._read(rows, declared)
        is_of_columns = before is not None and before.state.fingerprint == fingerprint(schema)
        if before is not None and is_of_columns and not self._differs(before, schema):
            return count, None
        files = self.catalog.files(self.branch, self.spec.table) if before else []
        folder = f"{self.catalog.location(self.spec.table)}/data"
        added, _ = self.engine.copy(f"SELECT {columns(schema)} FROM {_COPIED}", folder, None)
        state = TableState(
            fingerprint(schema),
            before.state.changes if before is not None and is_of_columns else (),
            parents={str(self.spec.origin): version},
            declared=self.spec.declared,
        ).with_change(Change(self.run_id, (ALL_TIME,)))
        self.engine.execute(f"DROP TABLE {_COPIED}")
        change = TableChange(self.spec.table, arrow_schema(schema), files, added, state)
        return count, self.catalog.write(self.branch, change)

    def _read(self, rows: Rows, declared: ibis.Schema) -> int:
        """Make the temporary table of the rows, each value as its type; return how many there are.

        Raises the error of `rows` for a value that would be another one then.
        """
        parts = [self._select(rows, relation, declared) for relation in rows.relations]
        self.engine.execute(
            f"CREATE OR REPLACE TEMP TABLE {_COPIED} AS {' UNION ALL '.join(parts)}"
        )
        first = self.engine.execute(
            f"SELECT {_REFUSED}, {_LINE}, count(*) OVER () FROM {_COPIED}"
            f" WHERE {_REFUSED} IS NOT NULL ORDER BY {_LINE}, {_REFUSED} LIMIT 1"
        ).fetchone()
        if first is not None:
            name, line, count = first
            others = f", as in {count} rows" if count > 1 else ""
            raise rows.error(
                f"a value is no {declared[name]}, the type of the column {name!r}{others}",
                "correct the value, or declare a type that holds it, such as string",
                line,
            )
        return self.engine.scalar(f"SELECT count(*) FROM {_COPIED}")

    def _select(self, rows: Rows, relation: str, declared: ibis.Schema) -> str:
        """Return the SELECT of a relation's values as their types, and what was refused."""
        types = self.engine.shape(relation)
        for name in declared:
            if name not in types:
                hint = choices("columns", name, [*types])
                raise rows.error(f"it has no column {name!r}", hint, None)
        casts = {name: _cast(name, types[name], kind) for name, kind in declared.items()}
        refused = " ".join(
            f"WHEN {identifier(name)} IS NOT NULL AND ({cast}) IS NULL THEN {literal(name)}"
            for name, cast in casts.items()
        )
        listed = ", ".join(f"{cast} AS {identifier(name)}" for name, cast in casts.items())
        line = rows.line or "NULL::BIGINT"
        return (
            f"SELECT {listed}, CASE {refused} END AS {_REFUSED}, {line} AS {_LINE} FROM {relation}"
        )

    def _differs(self, before: StoredTable, schema: ibis.Schema) -> bool:
        """Return whether the rows differ from those stored; repeated rows count."""
        names = columns(schema)
        ours, theirs = (f"SELECT {names} FROM {rows}" for rows in (_COPIED, scan(before, schema)))
        either = f"(({ours} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {ours}))"
        return self.engine.scalar(f"SELECT count(*) FROM (FROM {either} LIMIT 1)") > 0


def _stored(declared: ibis.Schema) -> ibis.Schema:
    import ibis

    return ibis.schema({name: stored(kind) for name, kind in declared.items()})


def _cast(name: str, source: str, kind: ibis.DataType) -> str:
    value = identifier(name)
    cast = exact_cast(value, source, kind, is_rounded=False)
    return cast if cast == value else f"CAST({cast} AS {sql_type(stored(kind), _DIALECT)})"
