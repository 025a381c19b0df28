"""Trino with made-up tables: short ones are part of the statement, long ones lie on a branch."""

from __future__ import annotations

import math
import secrets
from contextlib import ExitStack
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse.catalogs import StoredTable, TableChange
from lakehouse.engines.sql import columns, identifier, literal, typed
from lakehouse.engines.trino import Trino
from lakehouse.errors import ConfigError
from lakehouse.plan.state import Change, TableState
from lakehouse.session import Session
from lakehouse.testing.sandbox import DuckDBSandbox, Rows
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    import ibis

    from lakehouse.config import Settings

_LONGEST = 8_000
"""Characters of a table in a statement, at most: Trino plans its rows wherever it is read."""
_SCHEMA = "made_up"
"""Schema of the tables on the branch."""


class TrinoSandbox:
    """The Trino of the production profile; implements `Sandbox`."""

    dialect = "trino"

    def __init__(self, settings: Settings) -> None:
        self._closing = ExitStack()
        self._session = self._closing.enter_context(Session(settings))
        engine = self._session.engine
        if not isinstance(engine, Trino):
            raise ConfigError(
                "there is no Trino in this profile", hint="set LAKEHOUSE_PROFILE=production"
            )
        self._engine, self._duckdb = engine, DuckDBSandbox()
        self._closing.callback(self._duckdb.close)
        self._relations: dict[str, str] = {}

    def fill(self, name: str, schema: ibis.Schema, rows: pa.Table) -> None:
        self._duckdb.fill(name, schema, rows)
        listed = f"SELECT {columns(schema)} FROM {self._duckdb.relation(name)}"
        cast = self._duckdb.table(listed)
        values = ", ".join(f"({', '.join(map(_literal, row))})" for row in _tuples(cast))
        if len(values) > _LONGEST:
            stored = self._store(cast)
            home = identifier(self._engine.catalogs.of(stored.ref))
            self._relations[name] = f"{home}.{_SCHEMA}.{identifier(stored.name.partition('.')[2])}"
            return
        nulls = f"({', '.join('NULL' for _ in schema)})"
        select = f"SELECT * FROM (VALUES {values or nulls}) AS given ({columns(schema)})"
        select += "" if values else " WHERE 1 = 0"
        self._relations[name] = f"({typed(select, schema, self.dialect)})"

    def relation(self, name: str) -> str:
        return self._relations[name]

    def rows(self, sql: str) -> Rows:
        answer = self._engine.client.run(sql)
        return [dict(zip(answer.names, row, strict=True)) for row in answer.rows]

    def close(self) -> None:
        self._closing.close()

    def _store(self, rows: pa.Table) -> StoredTable:
        """Store rows in a table on the branch."""
        from pyarrow import parquet

        catalog, name = self._session.catalog, f"t{secrets.token_hex(4)}"
        address = f"{catalog.location(_SCHEMA)}/{name}.parquet"
        place = self._session.settings.warehouse / _SCHEMA / f"{name}.parquet"
        with place.open("wb") as file:
            parquet.write_table(rows, file)
        self._closing.callback(place.unlink)
        state = TableState("", (Change(name, (ALL_TIME,)),))
        change = TableChange(f"{_SCHEMA}.{name}", rows.schema, [], [address], state)
        return catalog.write(self._branch, change)

    @cached_property
    def _branch(self) -> str:
        """The branch of this sandbox, which is dropped at the end."""
        branch = f"test-{secrets.token_hex(4)}"
        self._session.catalog.create_branch(branch)
        self._closing.callback(self._session.catalog.drop_branch, branch)
        return branch


def _tuples(rows: pa.Table) -> Any:
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def _literal(value: Any) -> str:
    """Return the SQL of a value; a struct has the names of its fields from the cast around it."""
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return f"ROW({', '.join(map(_literal, value.values()))})"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return (
            repr(value) + "E0" if math.isfinite(value) and "e" not in repr(value) else _odd(value)
        )
    if isinstance(value, datetime):
        zone = " UTC" if value.tzinfo else ""
        plain = value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return f"TIMESTAMP {literal(plain + zone)}"
    if isinstance(value, date):
        return f"DATE {literal(value.isoformat())}"
    return literal(value) if isinstance(value, str) else str(value)


def _odd(value: float) -> str:
    """Return the SQL of a float that is not finite, or that Python writes with an exponent."""
    if math.isfinite(value):
        return repr(value).upper()
    return "nan()" if math.isnan(value) else "infinity()" if value > 0 else "-infinity()"
