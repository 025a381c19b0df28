"""Values of Python as text and as JSON, from which each type can be read again exactly."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

_PLAIN = frozenset(
    (type(None), bool, int, float, str, bytes, datetime, date, time, Decimal, UUID, dict, list)
)
_OF_BASE: Mapping[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    bytes: bytes,
    Decimal: Decimal,
    UUID: lambda value: UUID(int=value.int),
}
"""How a value of a class that is derived from one of Python's becomes one of that."""
_MISSING = frozenset(("NAType", "NaTType"))
"""Types of the values by which pandas says that there is none."""
_MOST_DIGITS = 37
"""Digits that a double or a decimal is written out with, at most."""


class UnheldValueError(ValueError):
    """A value of a type that no file keeps; its text names the type."""


_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character, which JSON can hold and UTF-8 cannot: it is written as JSON escapes it."""
_MOST_BITS = 1 << 13
"""Bits of a whole number that Python writes without being asked twice."""


def plain_value(value: Any) -> Any:  # noqa: PLR0911 - a line for each family of types
    """Return a value as one of Python's own types; lists and dicts keep what they hold.

    Raises UnheldValueError for a value of any other type.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, Enum):
        return plain_value(value.value)
    if kind.__name__ in _MISSING:
        return None
    if isinstance(value, datetime):
        return _plain_instant(value)
    for base, made in _OF_BASE.items():
        if isinstance(value, base):
            return made(value)
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Mapping):
        return dict(value)
    return _from_library(value)


def _plain_instant(value: datetime) -> datetime | str:
    """Return a datetime of a class of its own; one of pandas with nanoseconds as text."""
    if getattr(value, "nanosecond", 0):
        return value.isoformat()
    return datetime.combine(
        date(value.year, value.month, value.day),
        time(value.hour, value.minute, value.second, value.microsecond, fold=value.fold),
        value.tzinfo,
    )


def _from_library(value: Any) -> Any:
    """Return a value of NumPy, a tuple or a document of pydantic as a value of Python."""
    if isinstance(value, tuple):
        return [*value]
    kind = str(getattr(value, "dtype", ""))
    if getattr(value, "shape", None):  # an array
        return [*value]
    if kind.startswith("datetime64"):
        return None if str(value) == "NaT" else str(value)
    if kind and not kind.startswith("timedelta64") and hasattr(value, "item"):
        return plain_value(value.item())
    if hasattr(value, "model_dump"):
        return value.model_dump()
    raise UnheldValueError(type(value).__name__)


def text(value: Any) -> str:  # noqa: PLR0911 - a line for each family of types
    """Return a value as text: numbers as Python writes them, instants as ISO 8601, bytes escaped.

    Lists and dicts become JSON. Raises UnheldValueError for a value of an unknown type.
    """
    value = plain_value(value)
    if isinstance(value, str):
        return value if value.isascii() else _HALF.sub(_escaped, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(Decimal(value))  # `str` of an int refuses more than 4,300 digits
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return blob_text(value)
    if isinstance(value, dict | list):
        return document(value)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def number_text(value: Any) -> str:
    """Return the same, and numbers as digits without an exponent, as far as they are short."""
    value = plain_value(value)
    if isinstance(value, float | Decimal):
        number = Decimal(repr(value)) if isinstance(value, float) else value
        digits = number.as_tuple()
        is_short = number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS
        if is_short and isinstance(digits.exponent, int) and digits.exponent >= -2 * _MOST_DIGITS:
            return f"{number:f}"
    return text(value)


def blob_text(value: bytes) -> str:
    """Return bytes as DuckDB writes a blob, and reads it."""
    plain = (chr(byte) if _is_plain(byte) else f"\\x{byte:02X}" for byte in value)
    return "".join(plain)


def _is_plain(byte: int) -> bool:
    return 32 <= byte < 127 and byte not in b"\\'\""  # noqa: PLR2004 - what ASCII prints


def document(value: Any) -> str:
    """Return a value as compact JSON: numbers that JSON lacks, and digits of a decimal, as text.

    Raises UnheldValueError for a value of an unknown type, and for one nested too deeply.
    """
    try:
        try:
            written = _write(value)
        except UnheldValueError:
            raise
        except ValueError:  # NaN, infinity, a whole number of thousands of digits
            written = _write(_without_odd_numbers(value))
        return written if written.isascii() else _HALF.sub(_escaped_twice, written)
    except TypeError:
        raise UnheldValueError("dict with keys that are no text") from None
    except RecursionError:
        raise UnheldValueError("document nested too deeply") from None


def _escaped(half: re.Match[str]) -> str:
    return f"\\u{ord(half[0]):04x}"


def _escaped_twice(half: re.Match[str]) -> str:
    return f"\\{_escaped(half)}"


def _json_value(value: Any) -> Any:
    found = plain_value(value)
    return found if isinstance(found, dict | list | str | int | float | None) else text(found)


_write = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_json_value
).encode


def _without_odd_numbers(value: Any) -> Any:
    value = plain_value(value)
    if isinstance(value, dict):
        return {key: _without_odd_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [*map(_without_odd_numbers, value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else text(value)
    is_huge = isinstance(value, int) and value.bit_length() > _MOST_BITS
    return text(value) if is_huge else value
