"""Both engines, filled with the odd rows."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from differences import odd_rows
from lakehouse import config
from lakehouse.testing.sandbox import DuckDBSandbox, Sandbox
from lakehouse.testing.trino_sandbox import TrinoSandbox

_CATALOG = f"odd_rows_{secrets.token_hex(4)}"
"""A catalog of this process in Trino's memory, from which rows are read fastest."""


class _InMemory(TrinoSandbox):
    """A Trino that keeps the rows in its memory; it has to have the memory connector."""

    def fill_memory(self) -> None:
        self.fill(odd_rows.NAME, odd_rows.SCHEMA, odd_rows.rows())
        name = f'{_CATALOG}."default".{odd_rows.NAME}'
        self.rows(f"CREATE CATALOG IF NOT EXISTS {_CATALOG} USING memory")
        self.rows(f"DROP TABLE IF EXISTS {name}")
        self.rows(f"CREATE TABLE {name} AS SELECT * FROM {self.relation(odd_rows.NAME)}")
        self._relations[odd_rows.NAME] = name

    def drop_memory(self) -> None:
        self.rows(f"DROP CATALOG IF EXISTS {_CATALOG}")


@contextmanager
def engines(variables: Mapping[str, str]) -> Iterator[tuple[Sandbox, Sandbox]]:
    """Open a DuckDB and the Trino of a production profile, and fill both with the odd rows."""
    duckdb = DuckDBSandbox()
    duckdb.fill(odd_rows.NAME, odd_rows.SCHEMA, odd_rows.rows())
    trino = _InMemory(config.load(None, variables))
    try:
        trino.fill_memory()
        yield duckdb, trino
        trino.drop_memory()
    finally:
        trino.close()
        duckdb.close()
