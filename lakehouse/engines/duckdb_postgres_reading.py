"""Reading a table of a Postgres with DuckDB, each value as the text that Postgres has for it.

Postgres itself writes the values as JSON, whose dates do not depend on settings of a role or a
server. DuckDB would read `numeric` as a double.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lakehouse.addresses.postgres import limited
from lakehouse.engines.duckdb_connection import load_extension
from lakehouse.engines.sql import identifier, literal
from lakehouse.errors import SourceError, choices

if TYPE_CHECKING:
    import duckdb

    from lakehouse.addresses import Address

_DATABASE = "lakehouse_outside"
_REASONS = re.compile(
    r"Connection refused|timeout expired|could not translate host name|No such file or directory"
    r"|password authentication failed|no password supplied|too many clients"
    r"|permission denied for [a-z]+|(?:database|role|relation|schema) does not exist"
)
_UNQUOTED = re.compile(r'(database|role|relation|schema) "[^"]*" does')


def read(
    connection: duckdb.DuckDBPyConnection,
    address: Address,
    table: str,
    columns: Iterable[str],
    into: str,
) -> None:
    """Read the columns of a table into a temporary table of text, as they are in one moment.

    Raises SourceError, which shows the address without its password.
    """
    import duckdb

    load_extension(connection, "postgres_scanner")
    connection.execute(f"DETACH DATABASE IF EXISTS {_DATABASE}")
    try:
        options = "(TYPE postgres, READ_ONLY)"
        connection.execute(f"ATTACH {literal(limited(address).reveal())} AS {_DATABASE} {options}")
        known = [name for (name,) in _ask(connection, _columns_of(table)).fetchall()]
        for name in columns:
            if name not in known:
                raise SourceError(
                    f"{table} at {address} has no column {name!r}",
                    hint=choices("columns", name, known),
                )
        rows = f"postgres_query({literal(_DATABASE)}, {literal(_texts(table, columns))})"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(into)} AS FROM {rows}")
    except duckdb.Error as error:
        # DuckDB's own words are left out: they may hold the address, and with it the password.
        said = _REASONS.search(_UNQUOTED.sub(r"\1 does", str(error)))
        raise SourceError(
            f"{table} at {address} cannot be read: {said[0] if said else 'Postgres refuses'}",
            hint="is the Postgres running, and may the user of the address read the table?",
        ) from None
    finally:
        connection.execute(f"DETACH DATABASE IF EXISTS {_DATABASE}")


def _ask(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    return connection.execute(f"FROM postgres_query({literal(_DATABASE)}, {literal(sql)})")


def _columns_of(table: str) -> str:
    return (
        f"SELECT attname::text FROM pg_attribute WHERE attrelid = {literal(_name(table))}::regclass"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )


def _texts(table: str, columns: Iterable[str]) -> str:
    values = ", ".join(f"document ->> {literal(name)} AS {identifier(name)}" for name in columns)
    whole = f"SELECT row_to_json(whole) AS document FROM {_name(table)} AS whole OFFSET 0"
    return f"SELECT {values} FROM ({whole}) AS documents"


def _name(table: str) -> str:
    return ".".join(map(identifier, table.split(".")))
