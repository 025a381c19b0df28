"""Errors of Postgres in our words: what it refused, of which mart and column, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakehouse.addresses import Address
from lakehouse.errors import PublishError
from lakehouse.postgres import locks
from lakehouse.publish.publication_table import LOCK, SCHEMA, STAGING, shown
from lakehouse.table_names import schema_of

if TYPE_CHECKING:
    import psycopg
    from psycopg.errors import Diagnostic

_NEXT = "nothing was published; the next run or `publish` tries again"
_HINTS = {
    "42501": "nothing was published; the user needs the right to create schemas in the database,"
    f" and has to own the tables of the schema {SCHEMA}",
    "23503": "nothing was published; change or drop what refers to the row, then publish again",
    "23505": "nothing was published; drop the constraint, or make the model's rows unique by it",
    "23502": "nothing was published; drop the constraint, or let the model give a value",
    "23514": "nothing was published; drop the constraint, or change the model's rows",
    "53100": "nothing was published; free some space on Postgres' disk, then publish again",
}
"""Hints by SQLSTATE."""


@contextmanager
def explained(address: Address, marts: Iterable[str] = ()) -> Iterator[None]:
    """Raise PublishError, with Postgres' reason in one line, for an error of Postgres.

    `marts` are those that may lie in other schemas than the usual one.
    """
    import psycopg

    try:
        yield
    except psycopg.errors.LockNotAvailable:
        schemas = {SCHEMA, STAGING, *(schema_of(shown(mart)) for mart in marts)}
        holder = locks.holder(address, schemas, LOCK) or "who holds it is not known"
        raise PublishError(
            f"Postgres at {address.shown} did not give the publication a lock in time: {holder}",
            hint=f"end what holds it, or wait: {_NEXT}",
        ) from None
    except psycopg.Error as error:
        reason = error.diag.message_primary or type(error).__name__
        detail = f" ({error.diag.message_detail})" if _is_of_a_constraint(error) else ""
        raise PublishError(
            f"Postgres at {address.shown} refused {_what(error.diag)}: {reason}{detail}",
            hint=_HINTS.get(error.sqlstate or "", _NEXT),
        ) from None


def _is_of_a_constraint(error: psycopg.Error) -> bool:
    return bool(error.diag.constraint_name and error.diag.message_detail)


def _what(diagnostic: Diagnostic) -> str:
    """Return the mart and the column that an error is about, as far as Postgres tells them."""
    if not diagnostic.table_name:
        return "the publication"
    table = f"{diagnostic.schema_name}.{diagnostic.table_name}"
    column = f", column {diagnostic.column_name}" if diagnostic.column_name else ""
    return f"the publication of {table}{column}"
