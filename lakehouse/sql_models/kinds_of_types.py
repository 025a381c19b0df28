"""Kinds of types in words: what can be compared with each other on every engine."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.datatypes as dt

_WORDS = {"String": "text", "Boolean": "a boolean", "Date": "a date", "Null": "null"}
_TIMES = frozenset({"a date", "a timestamp"})


def kind_of(kind: dt.DataType) -> str:
    """Return the kind of a type, in words that an error can use."""
    if kind.is_numeric() and not kind.is_boolean():
        return "a number"
    if kind.is_timestamp():
        return "an instant" if kind.timezone else "a timestamp"
    name = type(kind).__name__
    return _WORDS.get(name, f"a {name.lower()}")


def are_alike(kinds: Iterable[dt.DataType]) -> bool:
    """Return whether values of types can be compared; a date is the timestamp of its midnight."""
    found = {kind_of(kind) for kind in kinds} - {"null"}
    return len(found) <= 1 or found == _TIMES


def differences(expected: ibis.Schema, made: ibis.Schema) -> list[str]:
    """Return what two schemas differ in, column by column; widths of numbers are left out."""
    if [*expected] != [*made]:
        return [f"the columns {', '.join(made)} instead of {', '.join(expected)}"]
    return [
        f"{name!r} is {kind_of(made[name])} instead of {kind_of(kind)}"
        for name, kind in expected.items()
        if not kind.is_null() and kind_of(made[name]) not in ("null", kind_of(kind))
    ]
