"""What DuckDB makes of the text of a model, asked of empty tables: its columns, or what is wrong.

DuckDB is the reference for its own SQL: it finds names that are unknown or ambiguous, and it says
of which kind each column is, which the expression that is made of the text is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import ibis
from ibis.backends.sql.datatypes import DuckDBType

from lakehouse.errors import ProjectError
from lakehouse.sql_models.parsed import SqlText, TableName
from lakehouse.sql_models.precedence import require_one_reading

if TYPE_CHECKING:
    import duckdb

_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
_KIND = re.compile(r"^[\w ]+ Error: ")
_CANDIDATES = re.compile(r"Candidate \w+: (.*)")
_ALONE = "SET python_enable_replacements = false; SET enable_external_access = false"
"""Neither files nor variables of Python are tables."""
_CURE = "correct the SQL in this line"


def bound(text: SqlText, tables: Mapping[TableName, ibis.Schema]) -> ibis.Schema:
    """Return the columns of a text over tables. Raises ProjectError with DuckDB's reason."""
    import duckdb

    with duckdb.connect(":memory:", config={"threads": "1"}) as connection:
        connection.execute(_ALONE)
        for table, schema in tables.items():
            _make(connection, table, schema)
        try:
            statement = text.text.rstrip().rstrip(";")
            found = connection.execute(f"DESCRIBE {statement}").fetchall()
        except duckdb.Error as error:
            raise _refusal(text, str(error)) from None
        require_one_reading(connection, text)
    return ibis.schema({name: DuckDBType.from_string(kind) for name, kind, *_ in found})


def _make(connection: duckdb.DuckDBPyConnection, table: TableName, schema: ibis.Schema) -> None:
    name = _quoted(table.name)
    if table.schema:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(table.schema)}")
        name = f"{_quoted(table.schema)}.{name}"
    columns = ", ".join(
        f"{_quoted(column)} {DuckDBType.to_string(kind)}" for column, kind in schema.items()
    )
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")


def _refusal(text: SqlText, said: str) -> ProjectError:
    line = _LINE.search(said)
    candidates = _CANDIDATES.search(said)
    reason = _KIND.sub("", said.partition("\n")[0])
    hint = f"did you mean {candidates[1]}? or {_CURE}" if candidates else _CURE
    return text.error(reason, int(line[1]) if line else 1, hint=hint)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
