"""Marts as Postgres holds them: the type of each column, and what it cannot hold under any name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lakehouse.declare.requirements import MOST_BYTES
from lakehouse.errors import ProjectError

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt

_MOST_COLUMNS = 1600
_SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
_PLAIN = {
    "Boolean": "boolean",
    "Int8": "smallint",
    "Int16": "smallint",
    "Int32": "integer",
    "Int64": "bigint",
    "UInt8": "smallint",
    "UInt16": "integer",
    "UInt32": "bigint",
    "UInt64": "numeric(20,0)",
    "Float16": "real",
    "Float32": "real",
    "Float64": "double precision",
    "String": "text",
    "Binary": "bytea",
    "UUID": "uuid",
    "Date": "date",
    "Time": "time without time zone",
    "Interval": "interval",
    "JSON": "json",
    "Null": "text",
}
"""Types of Postgres by the name of an Ibis type that has no parameters which matter here."""


def postgres_type(kind: dt.DataType) -> str | None:
    """Return the type of a mart's column in Postgres, as its `format_type` writes it.

    Lists of plain values are arrays; structs, maps and all other lists are `jsonb`. None for a type
    that marts cannot have, such as JSON within a list: engines would round its numbers.
    """
    if kind.is_decimal():
        known = kind.precision is not None
        return f"numeric({kind.precision},{kind.scale or 0})" if known else "numeric"
    if kind.is_timestamp():
        return f"timestamp {'with' if kind.timezone else 'without'} time zone"
    if is_list(kind):
        item = postgres_type(kind.value_type)
        return f"{item}[]" if item else None
    if is_document(kind):
        can_be_held = all(map(postgres_type, parts(kind)))
        return "jsonb" if can_be_held and not holds(kind, lambda part: part.is_json()) else None
    return _PLAIN.get(type(kind).__name__)


def is_list(kind: dt.DataType) -> bool:
    """Return whether values of a type are arrays in Postgres: lists of plain values."""
    if not kind.is_array():
        return False
    return not kind.value_type.is_nested() and not kind.value_type.is_json()


def is_document(kind: dt.DataType) -> bool:
    """Return whether values of a type are JSON documents in Postgres: all others that nest."""
    return bool(kind.is_nested()) and not is_list(kind)


def parts(kind: dt.DataType) -> tuple[dt.DataType, ...]:
    """Return the types that a nested type consists of; empty for any other."""
    if kind.is_array():
        return (kind.value_type,)
    if kind.is_map():
        return (kind.key_type, kind.value_type)
    return tuple(kind.types) if kind.is_struct() else ()


def holds(kind: dt.DataType, found: Callable[[dt.DataType], bool]) -> bool:
    """Return whether a type, or any type that it consists of, is what is looked for."""
    return found(kind) or any(holds(part, found) for part in parts(kind))


def require_publishable(table: str, schema: ibis.Schema) -> None:
    """Raise ProjectError for a mart whose name or columns Postgres cannot have."""
    if len(schema) > _MOST_COLUMNS:
        raise ProjectError(
            f"{table} has {len(schema)} columns, and a table in Postgres {_MOST_COLUMNS} at most",
            hint="make two models of it, or a column that is a struct",
        )
    for name, kind in schema.items():
        _require_short(table, name)
        if name in _SYSTEM_COLUMNS:
            raise ProjectError(
                f"{table}: each table in Postgres has a column {name!r} of its own",
                hint="give the column another name",
            )
        if postgres_type(kind) is None:
            raise ProjectError(
                f"{table}: the column {name!r} is a {kind}, which Postgres has no type for",
                hint="cast it, for instance to text",
            )


def _require_short(table: str, column: str) -> None:
    length = len(column.encode())
    if length > MOST_BYTES:
        raise ProjectError(
            f"{table}: the name of the column {column!r} has {length} bytes, and Postgres cuts"
            f" names after {MOST_BYTES}",
            hint="give it a shorter name",
        )
