"""Moving a mart's staged rows into its table in Postgres, which is made or altered to fit.

The statements belong to the transaction of a publication. A table is never replaced by another one:
views, grants, indexes and foreign keys that others put on it stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.compile.postgres_types import is_document, is_list, postgres_type
from lakehouse.engines import Load
from lakehouse.engines.sql import identifier, where
from lakehouse.errors import PublishError
from lakehouse.plan.state import EVERYTHING
from lakehouse.publish import primary_keys
from lakehouse.publish.publication_table import qualified, shown
from lakehouse.publish.relations import Relation, columns
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt
    import psycopg

_STAGED = "staged"


@dataclass(frozen=True)
class Mart:
    """One mart to publish: its rows, and the part of Postgres' table that they replace."""

    name: str
    load: Load
    key: tuple[str, ...] = ()
    """The columns that identify a row, if a check makes sure of that before main moves."""

    @property
    def columns(self) -> dict[str, str]:
        """The type of each column in Postgres."""
        return columns(self.load.source.schema)

    @property
    def table(self) -> str:
        """The qualified name of its table, as an SQL identifier."""
        return qualified(self.name)


def move(connection: psycopg.Connection, mart: Mart, relation: Relation | None) -> int:
    """Replace the mart's changed rows by the staged ones, and return how many rows moved.

    `relation` is its table as it stands. Where that has other columns, all rows must be staged.
    """
    if relation is None:
        moved = _create(connection, mart)
    else:
        moved = primary_keys.without_if_need_be(
            connection, mart.table, relation, lambda: _into(connection, mart, relation)
        )
    has_key = relation is not None and relation.primary_key is not None
    if mart.key and not has_key and mart.load.changed == EVERYTHING:
        primary_keys.add(connection, mart.table, mart.key)
    return moved


def _into(connection: psycopg.Connection, mart: Mart, relation: Relation) -> int:
    """Move rows into a table that is there, and that is altered first where it has to be."""
    is_altered = not relation.has(mart.columns)
    if is_altered and not relation.referenced:
        empty(connection, mart.name)
    if is_altered:
        _alter(connection, mart, relation)
    if relation.referenced:
        return _update(connection, mart, relation.referenced)
    return _replace(connection, mart)


def empty(connection: psycopg.Connection, name: str) -> None:
    """Delete all rows of a mart that the commit lacks; the table stays for views on it."""
    _execute(connection, f"DELETE FROM {qualified(name)}")


def drop(connection: psycopg.Connection, relation: Relation) -> None:
    """Drop a mart's table or view. Raises PublishError if other objects need it."""
    name, kind = relation.name, "VIEW" if relation.is_view else "TABLE"
    with _depending(f"{shown(name)} is not dropped: other objects in Postgres depend on it"):
        _execute(connection, f"DROP {kind} {qualified(name)}")


def _create(connection: psycopg.Connection, mart: Mart) -> int:
    """Make the table with its rows, then an index of the column by whose windows rows move."""
    defined = ", ".join(f"{identifier(name)} {kind}" for name, kind in mart.columns.items())
    _execute(connection, f"CREATE TABLE {mart.table} ({defined})")
    moved = _insert(connection, mart)
    time_column = mart.load.source.time_column
    if time_column is not None:
        _execute(connection, f"CREATE INDEX ON {mart.table} ({identifier(time_column)})")
    return moved


def _replace(connection: psycopg.Connection, mart: Mart) -> int:
    _execute(connection, f"DELETE FROM {mart.table} WHERE {_inside(mart)}")
    return _insert(connection, mart)


def _update(connection: psycopg.Connection, mart: Mart, key: Sequence[str]) -> int:
    """Update rows whose key comes back, instead of deleting them: foreign keys refer to them."""
    same = " AND ".join(f"new.{name} = old.{name}" for name in map(identifier, key))
    _execute(
        connection,
        f"DELETE FROM {mart.table} AS old WHERE ({_inside(mart)})"
        f" AND NOT EXISTS (SELECT FROM {_staging(mart)} AS new WHERE {same})",
    )
    others = [identifier(name) for name in mart.columns if name not in key]
    values = ", ".join(f"{name} = excluded.{name}" for name in others)
    return _insert(
        connection,
        mart,
        f" ON CONFLICT ({', '.join(map(identifier, key))})"
        f" DO {f'UPDATE SET {values}' if values else 'NOTHING'}",
    )


def _insert(connection: psycopg.Connection, mart: Mart, on_conflict: str = "") -> int:
    schema = mart.load.source.schema
    names = ", ".join(map(identifier, schema))
    values = ", ".join(
        _value(kind, f"{_STAGED}.{identifier(name)}") for name, kind in schema.items()
    )
    return _execute(
        connection,
        f"INSERT INTO {mart.table} ({names}) SELECT {values} FROM {_staging(mart)} AS {_STAGED}"
        f"{on_conflict}",
    )


def _value(kind: dt.DataType, staged: str) -> str:
    """The SQL of a staged value as its column's type: some are staged as text."""
    if is_list(kind):
        item = postgres_type(kind.value_type)
        items = f"json_array_elements_text({staged}::json) WITH ORDINALITY AS each (item, place)"
        array = f"ARRAY(SELECT item::{item} FROM {items} ORDER BY place)"
        return f"CASE WHEN {staged} IS NOT NULL THEN {array} END"
    if is_document(kind) or kind.is_json() or kind.is_decimal():
        return f"{staged}::{postgres_type(kind)}"
    return staged


def _inside(mart: Mart) -> str:
    """The SQL condition that a row lies in a changed window and has a changed key."""
    source, windows = mart.load.source, mart.load.changed.windows
    # A condition on the time would never delete rows whose time is null.
    column = None if ALL_TIME in windows else source.time_column
    return where(windows, mart.load.changed.keys, column, source.schema, "postgres")


def _alter(connection: psycopg.Connection, mart: Mart, relation: Relation) -> None:
    """Give the table the columns that the mart has now; all values are then written anew."""
    steps = [f"DROP COLUMN {identifier(name)}" for name in relation.columns.keys() - mart.columns]
    for name, kind in mart.columns.items():
        column = identifier(name)
        if name not in relation.columns:
            steps.append(f"ADD COLUMN {column} {kind}")
        elif relation.columns[name] != kind:
            # Rows of a table that foreign keys refer to are still there, and keep their key.
            old = f"{column}::{kind}" if name in relation.referenced else "NULL"
            steps.append(f"ALTER COLUMN {column} TYPE {kind} USING {old}")
    if steps:
        changed = f"the columns of {shown(mart.name)} changed"
        with _depending(f"{changed}, and other objects in Postgres depend on them"):
            _execute(connection, f"ALTER TABLE {mart.table} {', '.join(steps)}")


@contextmanager
def _depending(problem: str) -> Iterator[None]:
    """Raise PublishError, which names the objects, where Postgres refuses because of them."""
    import psycopg

    try:
        yield
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.FeatureNotSupported) as error:
        detail = error.diag.message_detail or error.diag.message_primary
        raise PublishError(
            f"{problem}: {detail}",
            hint="change or drop what depends on it, then publish again",
        ) from None


def _staging(mart: Mart) -> str:
    return ".".join(map(identifier, mart.load.target))


def _execute(connection: psycopg.Connection, statement: str) -> int:
    return connection.execute(statement.encode()).rowcount
