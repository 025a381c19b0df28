"""What the SQL dialects call the functions that write values as JSON, for Postgres."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from lakehouse.engines.sql import identifier, literal

Write: TypeAlias = Callable[[str], str]
"""Makes the SQL of a value from that of another."""


@dataclass(frozen=True)
class Words:
    """The functions of one dialect; each takes SQL of its arguments, and returns SQL."""

    json: Write
    """A value, whole or plain, as JSON."""
    part: Write
    """A value as it stands within a list, a map or a struct that becomes JSON."""
    json_text: Write
    """JSON as text."""
    bytes_text: Write
    """Bytes as text, as Postgres writes and reads them."""
    instant_text: Callable[[str, str], str]
    """A timestamp as text in the form of ISO 8601, with a suffix for its zone.

    What that form has no word for, infinity and years before the first, is in words of Postgres.
    """
    is_nan: Write
    is_finite: Write
    each: Callable[[str, str, str], str]
    """A list, a name for its items, and what takes the place of each."""
    any: Callable[[str, str, str], str]
    """Whether a list, whose items are given a name, has one that meets a condition."""
    without: Callable[[str, str], str]
    """A text without what matches a regular expression."""
    matches: Callable[[str, str], str]
    """Whether a part of a text matches a regular expression."""
    struct: Callable[[Mapping[str, str]], str]
    """A struct, from its fields, that becomes a JSON object."""
    map: Callable[[str, str, Write, Write], str]
    """A map that becomes a JSON object: a name for its entries; how keys and values are written."""


def _duckdb_struct(fields: Mapping[str, str]) -> str:
    # As a whole: what is JSON already is read again, and numbers then lose digits.
    return f"{{{', '.join(f'{literal(name)}: {value}' for name, value in fields.items())}}}"


def _duckdb_map(value: str, name: str, key: Write, item: Write) -> str:
    entry = f"struct_pack(k := {key(f'{name}.key')}, v := {item(f'{name}.value')})"
    return f"map_from_entries(list_transform(map_entries({value}), lambda {name}: {entry}))"


def _trino_struct(fields: Mapping[str, str]) -> str:
    types = ", ".join(f"{identifier(name)} JSON" for name in fields)
    return f"CAST(CAST(ROW({', '.join(fields.values())}) AS ROW({types})) AS JSON)"


def _trino_map(value: str, name: str, key: Write, item: Write) -> str:
    keyed = f"transform_keys({value}, ({name}, {name}_value) -> {key(name)})"
    return f"transform_values({keyed}, ({name}, {name}_value) -> {item(f'{name}_value')})"


WORDS: Mapping[str, Words] = {
    "duckdb": Words(
        json=lambda value: f"to_json({value})",
        part=lambda value: value,
        json_text=lambda value: f"CAST({value} AS VARCHAR)",
        bytes_text=lambda value: f"('\\x' || lower(hex({value})))",
        instant_text=lambda value, zone: (
            f"CASE WHEN year({value}) > 0 THEN strftime({value}, '%Y-%m-%dT%H:%M:%S.%f{zone}')"
            f" ELSE CAST({value} AS VARCHAR) END"
        ),
        is_nan=lambda value: f"isnan({value})",
        is_finite=lambda value: f"isfinite({value})",
        each=lambda items, name, made: f"list_transform({items}, lambda {name}: {made})",
        any=lambda items, name, condition: (
            f"len(list_filter({items}, lambda {name}: {condition})) > 0"
        ),
        without=lambda text, pattern: f"regexp_replace({text}, {literal(pattern)}, '', 'g')",
        matches=lambda text, pattern: f"regexp_matches({text}, {literal(pattern)})",
        struct=_duckdb_struct,
        map=_duckdb_map,
    ),
    "trino": Words(
        json=lambda value: f"CAST({value} AS JSON)",
        part=lambda value: f"CAST({value} AS JSON)",
        json_text=lambda value: f"json_format({value})",
        bytes_text=lambda value: f"('\\x' || lower(to_hex({value})))",
        instant_text=lambda value, zone: (
            f"replace(CAST(CAST({value} AS TIMESTAMP(6)) AS VARCHAR), ' ', 'T') || '{zone}'"
        ),
        is_nan=lambda value: f"is_nan({value})",
        is_finite=lambda value: f"is_finite({value})",
        each=lambda items, name, made: f"transform({items}, {name} -> {made})",
        any=lambda items, name, condition: f"any_match({items}, {name} -> {condition})",
        without=lambda text, pattern: f"regexp_replace({text}, {literal(pattern)})",
        matches=lambda text, pattern: f"regexp_like({text}, {literal(pattern)})",
        struct=_trino_struct,
        map=_trino_map,
    ),
}
