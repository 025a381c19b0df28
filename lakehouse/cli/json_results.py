"""Results of commands as JSON (RFC 8259) that keeps every value exactly, and is safe to print.

JSON has no NaN, no instants and no bytes: those become text. Decimals keep all of their digits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from lakehouse.cli.shown import escaped

_BROKEN_UP = (Mapping, list, tuple)
_MICROSECOND = timedelta(microseconds=1)


def to_json(document: Any, *, only_ascii: bool = False) -> str:
    """Return a document as indented JSON."""
    return "".join(_pieces(document, "\n", only_ascii=only_ascii))


def plain(value: Any) -> Any:
    r"""Return a value of a type that JSON has, or as text.

    NaN and infinity are "NaN", "Infinity" and "-Infinity", durations as in ISO 8601, and bytes
    hexadecimal as in Postgres: \x01ff.
    """
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, str | int | float | Decimal):
        return value
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"\\x{bytes(value).hex()}"
    if isinstance(value, timedelta) or _is_interval(value):
        return _duration(value)
    return str(value)


def _is_interval(value: Any) -> bool:
    """Return whether a value is Arrow's interval: a tuple of months, days and nanoseconds."""
    return isinstance(value, tuple) and hasattr(value, "nanoseconds")


def _duration(value: Any) -> str:
    """Return a `timedelta` or an interval of Arrow as in ISO 8601."""
    if isinstance(value, timedelta):
        months, days = 0, value.days
        nanoseconds = (value - timedelta(days)) // _MICROSECOND * 1_000
    else:
        months, days, nanoseconds = value
    parts = "".join(f"{n}{unit}" for n, unit in ((months, "M"), (days, "D")) if n)
    seconds = f"{Decimal(nanoseconds).scaleb(-9).normalize():f}"
    return f"P{parts}" if parts and not nanoseconds else f"P{parts}T{seconds}S"


def _pieces(value: Any, line: str, *, only_ascii: bool) -> Iterator[str]:
    """Yield the text of a value; `line` is a line break with the indentation of the value."""
    if not isinstance(value, _BROKEN_UP) or _is_interval(value):
        yield _scalar(plain(value), only_ascii=only_ascii)
        return
    named = isinstance(value, Mapping)
    opening, closing = "{}" if named else "[]"
    yield opening
    between = line + " "
    for key, item in value.items() if isinstance(value, Mapping) else ((None, i) for i in value):
        yield between
        between = f",{line} "
        if named:
            yield f"{_scalar(str(key), only_ascii=only_ascii)}: "
        yield from _pieces(item, f"{line} ", only_ascii=only_ascii)
    yield line + closing if value else closing


def _scalar(value: Any, *, only_ascii: bool) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = json.dumps(value, ensure_ascii=only_ascii)
    return text if text.isprintable() else "".join(map(_seen, text))


def _seen(character: str) -> str:
    """Return a character, escaped if a terminal would act upon it although JSON allows it."""
    if escaped(character) == character:
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
