"""The types of columns: what a declared or computed type is stored as, and which none can hold.

Tables store the few types that mean the same to Iceberg, DuckDB, Trino and Postgres. Any other type
is stored as the narrowest of these that holds all of its values, or is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis.expr.datatypes as dt

from lakehouse.errors import ProjectError

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa

MOST_DIGITS = 38
"""Digits of a decimal that Iceberg, DuckDB and Trino keep."""
_TIME_DIGITS = 6
"""Digits of a second that Iceberg keeps."""
_LONG_UNSIGNED = dt.Decimal(20, 0)
"""A type with all whole numbers of 64 bits without a sign."""


def stored(kind: dt.DataType) -> dt.DataType:
    """Return the type that tables store for a type; the type itself if no table can hold it."""
    if kind.is_nested():
        return _stored_nested(kind)
    if kind.is_integer():
        return _stored_integer(kind)
    if kind.is_floating():
        return dt.float64
    if kind.is_timestamp():
        return dt.Timestamp(timezone="UTC" if kind.timezone else None, scale=_TIME_DIGITS)
    if kind.is_string() or kind.is_uuid() or kind.is_json() or kind.is_null():
        return dt.string
    return kind.copy(nullable=True)


def require_storable(columns: ibis.Schema) -> None:
    """Raise ProjectError, which names the column, for a type that no table can hold."""
    for name, kind in columns.items():
        cure = next(filter(None, map(_cure, _parts(kind))), "")
        if cure:
            raise ProjectError(f"{name!r} is of type {kind}, which no table can hold", hint=cure)


def arrow_schema(columns: ibis.Schema) -> pa.Schema:
    """Return the columns of a stored table as Arrow names their types."""
    import pyarrow as pa

    return pa.schema([pa.field(name, _arrow(kind)) for name, kind in columns.items()])


def _stored_nested(kind: dt.DataType) -> dt.DataType:
    if kind.is_array():
        return dt.Array(stored(kind.value_type))
    if kind.is_map():
        return dt.Map(stored(kind.key_type), stored(kind.value_type))
    return dt.Struct({name: stored(inner) for name, inner in kind.fields.items()})


def _stored_integer(kind: dt.DataType) -> dt.DataType:
    bits = kind.nbytes * 8 + kind.is_unsigned_integer()  # as many as a signed integer needs
    if bits <= dt.int32.nbytes * 8:
        return dt.int32
    return dt.int64 if bits <= dt.int64.nbytes * 8 else _LONG_UNSIGNED


def _parts(kind: dt.DataType) -> list[dt.DataType]:
    """The type and all types that it is made of."""
    inner: list[dt.DataType] = []
    if kind.is_array():
        inner = [kind.value_type]
    if kind.is_map():
        inner = [kind.key_type, kind.value_type]
    if kind.is_struct():
        inner = list(kind.fields.values())
    return [kind, *(part for each in inner for part in _parts(each))]


def _cure(kind: dt.DataType) -> str:
    """What to use in place of a type that no table can hold; empty for any other type."""
    if kind.is_interval():
        return "use a number of seconds"
    if kind.is_decimal():
        return _cure_of_decimal(kind.precision, kind.scale)
    if kind.is_struct() and not kind.fields:
        return "use a struct with fields, or text"
    known = kind.is_numeric() or kind.is_boolean() or kind.is_string() or kind.is_binary()
    known = known or kind.is_date() or kind.is_time() or kind.is_timestamp() or kind.is_null()
    known = known or kind.is_uuid() or kind.is_json() or kind.is_nested()
    return "" if known else "use text"


def _cure_of_decimal(precision: int | None, scale: int | None) -> str:
    if precision is None or scale is None:
        return "say how many digits it has, such as decimal(38, 9)"
    is_held = precision <= MOST_DIGITS
    return "" if is_held else f"use a decimal of {MOST_DIGITS} digits at most, or text"


def _arrow(kind: dt.DataType) -> pa.DataType:
    import pyarrow as pa

    if kind.is_time():
        return pa.time64("us")  # Ibis would have nanoseconds, which Iceberg does not keep
    if kind.is_array():
        return pa.list_(_arrow(kind.value_type))
    if kind.is_map():
        return pa.map_(_arrow(kind.key_type), _arrow(kind.value_type))
    if kind.is_struct():
        return pa.struct([pa.field(name, _arrow(inner)) for name, inner in kind.fields.items()])
    return kind.to_pyarrow()
