"""Writing tables to Postgres with DuckDB, which attaches the Postgres as a database."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib import import_module

from lakehouse.addresses import Address
from lakehouse.addresses.postgres import limited
from lakehouse.engines import Load
from lakehouse.engines.duckdb_connection import load_extension
from lakehouse.engines.duckdb_connections import Connections
from lakehouse.engines.duckdb_relations import scan
from lakehouse.engines.postgres_rows import changed, staged
from lakehouse.engines.sql import identifier, literal
from lakehouse.errors import PublishError
from lakehouse.system.tasks import for_each

_AT_ONCE = 2
"""Tables that are written at the same time."""
_BACKEND = "ibis.backends.duckdb"
_DIALECT = "duckdb"
_SAID = re.compile(r"ERROR:\s+([^\n]+)")
"""What Postgres itself said of a statement, in the text of DuckDB's error."""


class PostgresLoader:
    """Writes tables to a Postgres, which it attaches at the first use."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def prepare(self) -> None:
        """Load Ibis' backend and DuckDB's extension for Postgres; loading again does nothing."""
        import_module(_BACKEND)
        load_extension(self._connections.own, "postgres_scanner")

    def load(self, address: Address, loads: Sequence[Load]) -> None:
        """Write several tables in parallel. Raises PublishError."""
        schemas = {load.target[0] for load in loads}
        databases = {schema: self._attach(address, schema) for schema in schemas}
        since = self._connections.interrupts.number

        def move(load: Load) -> None:
            self._connections.interrupts.require_none(since)
            self._move(databases[load.target[0]], load)

        for_each(loads, move, _AT_ONCE, self._connections.interrupt)

    def detach(self) -> None:
        """Detach Postgres, which frees its connections: a server allows a hundred in all."""
        attached = "SELECT database_name FROM duckdb_databases() WHERE type = 'postgres'"
        for (name,) in self._connections.execute(attached).fetchall():
            self._connections.execute(f"DETACH {identifier(name)}")

    def _move(self, database: str, load: Load) -> None:
        import duckdb
        from ibis.backends.duckdb import Backend

        schema, name = load.target
        ibis = Backend.from_connection(self._connections.own)
        try:
            rows = ibis.sql(changed(load, scan, _DIALECT), schema=staged(load.source.schema))
            ibis.create_table(name, rows, database=(database, schema))
        except duckdb.Error as error:
            raise _failure(error, f"the rows of {load.source.name} ") from None

    def _attach(self, address: Address, schema: str) -> str:
        """Attach one schema of a Postgres, if it is not attached; return its name in DuckDB.

        Without a schema, DuckDB would look up every table of all schemas, which is not needed.
        """
        name = f"postgres_{hashlib.sha256(f'{schema} {address.shown}'.encode()).hexdigest()[:8]}"
        attached = self._connections.execute("SELECT database_name FROM duckdb_databases()")
        if (name,) not in attached.fetchall():
            import duckdb

            self.prepare()
            options = f"TYPE postgres, SCHEMA {literal(schema)}"
            try:
                self._connections.own.execute(
                    f"ATTACH {literal(limited(address).reveal())} AS {name} ({options})"
                )
            except duckdb.Error as error:
                raise _failure(error) from None
        return name


def _failure(error: Exception, what: str = "") -> PublishError:
    # DuckDB's own words are left out: they may hold the address, and with it the password.
    said = _SAID.search(str(error))
    reason = f": {said[1].strip()}" if said else f" ({type(error).__name__})"
    return PublishError(
        f"DuckDB could not write {what}to the Postgres of the marts{reason}",
        hint="" if said else "run `doctor` to find the cause",
    )
