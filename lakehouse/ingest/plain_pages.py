"""Pages with the Arrow types that Parquet, dlt and DuckDB keep as they are.

Arrow has several types for one thing, such as `string_view` beside `string`, and some that the
others lack or cut: DuckDB cuts nanoseconds off an instant, and reads a decimal of 76 digits as a
double. A column gets the plain type if that holds all of its values, and else becomes text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.declare.column_types import MOST_DIGITS
from lakehouse.errors import ProjectError

if TYPE_CHECKING:
    import pyarrow as pa


def plain(page: pa.Table, table: str) -> pa.Table:
    """Return the page with plain types; most pages have them already.

    Raises ProjectError, which names the `table`, for two columns of one name, and for a type that
    no file keeps.
    """
    names = page.column_names
    for place, field in enumerate(page.schema):
        if names.count(field.name) > 1:
            raise ProjectError(
                f"{table} yielded two columns {field.name!r}",
                hint="give one of them another name",
            )
        try:
            target = _plain(field.type)
        except LookupError:
            raise ProjectError(
                f"{table} yielded {field.name!r} as {field.type}, which no file keeps",
                hint="yield numbers, text or instants instead, such as a number of seconds",
            ) from None
        if target != field.type:
            page = page.set_column(place, field.name, _converted(page.column(place), target))
    return page


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the plain type with the values of a type. Raises LookupError if there is none."""
    import pyarrow as pa
    from pyarrow import types

    if isinstance(kind, pa.BaseExtensionType):
        return pa.string() if kind == pa.uuid() else _plain(kind.storage_type)
    if types.is_duration(kind) or types.is_interval(kind) or types.is_union(kind):
        raise LookupError(kind)
    if types.is_nested(kind):
        return _plain_nested(kind)
    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if types.is_decimal(kind):
        is_kept = kind.precision <= MOST_DIGITS
        return pa.decimal128(kind.precision, kind.scale) if is_kept else pa.string()
    others = {
        pa.null(): pa.string(),
        pa.string_view(): pa.string(),
        pa.binary_view(): pa.binary(),
        pa.float16(): pa.float32(),
        pa.time64("ns"): pa.time64("us"),
    }
    return others.get(kind, kind)


def _plain_nested(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa
    from pyarrow import types

    if types.is_run_end_encoded(kind):
        return _plain(kind.value_type)
    if types.is_map(kind):
        return pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    if types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind.fields])
    return pa.list_(_plain(kind.value_type))


def _converted(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    """Cast a column to its plain type, or to text if that would cut a value."""
    import pyarrow as pa
    from pyarrow import compute, types

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType) and kind == pa.uuid():
        return _rebuilt([value and str(value) for value in column.to_pylist()], target)
    if types.is_run_end_encoded(kind):
        column = pa.chunked_array(map(compute.run_end_decode, column.chunks), kind.value_type)
    if "list_view" in str(kind):  # Arrow 26 casts it to an invalid list
        return _rebuilt(column.to_pylist(), target)
    try:
        return column.cast(target)
    except pa.ArrowInvalid:
        if types.is_timestamp(kind) and kind.tz:
            column = column.cast(pa.timestamp(kind.unit, "UTC"))
        return column.cast(pa.string())


def _rebuilt(values: Any, kind: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa

    return pa.chunked_array([pa.array(values, kind)])
