"""SQL that casts a fetched column to its declared type, and is null for a value that would change.

A value that is not text is cast there and back, and has to be what it was. A text has to be written
as its type is, with no more digits than the type keeps: DuckDB reads '1.5' as the whole number 2,
'1_21' as 121, and '05:00+02:00' as 05:00 where no zone is declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.declare.column_types import stored
from lakehouse.engines.sql import literal, sql_type

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

_DIALECT = "duckdb"
TEXT = ("varchar", "enum", "uuid", "json")
"""Kinds of types whose values are taken as text."""
NESTED = ("struct", "list", "map", "array", "union")
_NAMES = {
    "text": "varchar",
    "timestamp(6)": "timestamp",
    "timestamptz": "timestamp with time zone",
}
"""DuckDB's own names of types that Ibis calls by others."""
_WHOLE = r"[+-]?[0-9]+(\.0*)?"
_SCIENTIFIC = r"[+-]?[0-9](\.[0-9]{1,15})?[eE]\+?[0-9]{1,2}"
"""A number with so few digits that a double below 2⁵³ is whole only if the number is."""
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_INFINITY = r"[+-]?(inf|infinity)"
_DAY = r"[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{0,6}0*)?)?"
_FINER_CLOCK = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]*)?)?"
_MIDNIGHT = r"0{1,2}:00(:00(\.0*)?)?"
_ZONE = r" ?(Z|z|[+-][0-9]{2}(:?[0-9]{2}){0,2}|[A-Za-z]+(/[A-Za-z0-9_+-]+)*)"
_ABOVE_WHOLE_DOUBLES = 2**53


def exact_cast(value: str, source: str, kind: dt.DataType, *, is_rounded: bool) -> str:
    """Return SQL of a value as its declared type; null if it is another value then.

    `value` is SQL, `source` DuckDB's name of its kind of type, such as 'varchar'. If the column
    `is_rounded`, digits that a whole number or an instant cannot keep are rounded or cut off.
    The SQL is `value` itself if every value of its type is kept as it is.
    """
    if kind.is_string():
        return _as_text(value, source)
    if kind.is_json():
        return _as_json(value, source)
    if kind.is_timestamp():
        kind = stored(kind)  # of the digits that are declared, six are kept
    cast = _cast(value, source, kind, is_rounded=is_rounded)
    return _only_if(limits.format(cast), cast) if (limits := _limits(kind)) else cast


def is_of(source: str, kind: dt.DataType) -> bool:
    """Return whether DuckDB's name of a kind of type, such as 'double', names a stored type."""
    name = sql_type(kind, _DIALECT).lower()
    return source == _NAMES.get(name, name)


def as_text(value: str, source: str) -> str:
    """Return SQL of a fetched value as text, to be shown in a reason."""
    return f"to_json({value})::VARCHAR" if source in NESTED else f"{value}::VARCHAR"


def _cast(value: str, source: str, kind: dt.DataType, *, is_rounded: bool) -> str:
    target = sql_type(kind, _DIALECT)
    if is_of(source, kind):
        return value
    if source not in TEXT:
        return _there_and_back(value, source, kind, target, is_rounded=is_rounded)
    return _from_text(f"trim({value}::VARCHAR)", kind, target, is_rounded=is_rounded)


def _from_text(text: str, kind: dt.DataType, target: str, *, is_rounded: bool) -> str:
    if kind.is_nested():
        return _from_json(text, target)
    if kind.is_integer():
        return _whole_number(text, target, is_rounded=is_rounded)
    if kind.is_floating():
        return _double(text, target)
    cast = f"TRY_CAST({text} AS {target})"
    if kind.is_binary():
        return _only_if(f"{cast}::VARCHAR = {text}", cast)
    pattern = _written(kind, is_rounded=is_rounded)
    return _only_if(_matches(text, pattern), cast) if pattern else cast


def _limits(kind: dt.DataType) -> str:
    """SQL, with a place for a value, of what every system holds of a type; empty if all of it.

    NaN is above all numbers to DuckDB, not equal to itself to Trino, and in no statistics of files.
    Python's years are 1 to 9999, and Postgres has no years before -4712.
    """
    if kind.is_floating():
        return "NOT isnan({0})"
    if kind.is_time():
        return "{0} < TIME '24:00:00'"
    if kind.is_date() or kind.is_timestamp():
        return "{0} >= DATE '0001-01-01' AND {0} < DATE '10000-01-01'"
    return ""


def _as_text(value: str, source: str) -> str:
    # A struct becomes JSON; bytes are UTF-8, or no text.
    if source == "varchar":
        return value
    return f"TRY(decode({value}))" if source == "blob" else as_text(value, source)


def _as_json(value: str, source: str) -> str:
    if source not in TEXT:
        return f"to_json({value})::VARCHAR"
    return _only_if(f"json_valid({value}::VARCHAR)", f"{value}::VARCHAR")


def _from_json(text: str, target: str) -> str:
    """SQL of a nested value that is written as JSON; it may lack fields, which are null then."""
    document = f"TRY_CAST({text} AS JSON)"
    cast = f"TRY_CAST({document} AS {target})"
    return _only_if(f"json_contains(to_json({cast}), {document})", cast)


def _there_and_back(
    value: str, source: str, kind: dt.DataType, target: str, *, is_rounded: bool
) -> str:
    if (source in NESTED) != kind.is_nested():
        return f"NULL::{target}"
    cast = f"TRY_CAST({value} AS {target})"
    if is_rounded and kind.is_integer():
        return f"TRY_CAST(round({value}) AS {target})"
    if is_rounded:
        return cast
    return _only_if(f"TRY(cast_to_type({cast}, {value})) IS NOT DISTINCT FROM {value}", cast)


def _whole_number(text: str, target: str, *, is_rounded: bool) -> str:
    digits = f"TRY_CAST(regexp_replace({text}, '\\.0*$', '') AS {target})"
    double = f"TRY_CAST({text} AS DOUBLE)"
    scientific = f"abs({double}) < {_ABOVE_WHOLE_DOUBLES} AND {double} = trunc({double})"
    whole = (
        f"CASE WHEN {_matches(text, _WHOLE)} THEN {digits}"
        f" WHEN {_matches(text, _SCIENTIFIC)} AND {scientific} THEN TRY_CAST({double} AS {target})"
    )
    rounded = f" WHEN {_matches(text, _NUMBER)} THEN TRY_CAST(round({double}) AS {target})"
    return f"{whole}{rounded if is_rounded else ''} END"


def _double(text: str, target: str) -> str:
    """SQL of the nearest double of a fraction or a power of ten.

    Digits without either have to be a double themselves, or what a double is written as.
    """
    cast = f"TRY_CAST({text} AS {target})"
    whole = f"TRY_CAST(regexp_replace({text}, '\\.0*$', '') AS HUGEINT)"
    is_held = f"{whole} IN (TRY_CAST({cast} AS HUGEINT), TRY_CAST({cast}::VARCHAR AS HUGEINT))"
    return (
        f"CASE WHEN {_matches(text, _WHOLE)} THEN CASE WHEN {is_held} THEN {cast} END"
        f" WHEN {_matches(text, _NUMBER)} THEN CASE WHEN isfinite({cast}) THEN {cast} END"
        f" WHEN {_matches(f'lower({text})', _INFINITY)} THEN {cast} END"
    )


def _written(kind: dt.DataType, *, is_rounded: bool) -> str:
    """How a text of a type is written; empty if every text that casts keeps its value."""
    clock = _FINER_CLOCK if is_rounded else _CLOCK
    if kind.is_decimal():
        scale = kind.scale or 0
        return rf"[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?|\.[0-9]{{1,{max(scale, 1)}}}0*)"
    if kind.is_timestamp():
        zone = f"({_ZONE})?" if kind.timezone else ""
        return f"{_DAY}([ T]{clock}{zone})?"
    if kind.is_date():
        return f"{_DAY}([ T]{_MIDNIGHT})?"
    return clock if kind.is_time() else ""


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def _only_if(condition: str, value: str) -> str:
    return f"CASE WHEN {condition} THEN {value} END"
