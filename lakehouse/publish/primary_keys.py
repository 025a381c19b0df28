"""Primary keys of marts: readers and tools look for one, and no publication fails because of it.

A key that rows do not allow, by a null or a text too long for an index, is not declared. One that
later rows do not allow is dropped again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from zlib import crc32

from lakehouse.engines.sql import identifier
from lakehouse.publish.relations import Relation

if TYPE_CHECKING:
    import psycopg

_PREFIX = "lakehouse_key_"
"""Beginning of the names of the keys that are declared here, and may be dropped again."""


def add(connection: psycopg.Connection, table: str, key: Sequence[str]) -> None:
    """Declare the primary key of a table, given as SQL, unless its rows do not allow it."""
    import psycopg

    name, columns = f"{_PREFIX}{crc32(table.encode()):08x}", ", ".join(map(identifier, key))
    with (
        suppress(psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded),
        connection.transaction(),
    ):
        connection.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY ({columns})".encode()
        )


def without_if_need_be(
    connection: psycopg.Connection, table: str, relation: Relation, move: Callable[[], int]
) -> int:
    """Move rows into a table; if its key does not allow them, drop the key and move them again."""
    import psycopg

    name = relation.primary_key
    if name is None or not name.startswith(_PREFIX):
        return move()
    try:
        with connection.transaction():
            return move()
    except (
        psycopg.errors.UniqueViolation,
        psycopg.errors.NotNullViolation,
        psycopg.errors.ProgramLimitExceeded,
    ):
        nullable = ", ".join(
            f"ALTER COLUMN {identifier(column)} DROP NOT NULL" for column in relation.key
        )
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}, {nullable}".encode())
        return move()
