"""Conversion of the API's JSON documents into one Arrow table, in bulk.

The source's types cannot be trusted, so every field stays text: validation casts it later, and can
name the text that is no number. Any list of JSON values is accepted here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
import pyarrow as pa

FIELDS = {
    "_id": "_id",
    "date": "date",
    "date_string": "dateString",
    "sys_time": "sysTime",
    "utc_offset": "utcOffset",
    "sgv": "sgv",
    "mbg": "mbg",
    "direction": "direction",
    "trend": "trend",
    "device": "device",
    "type": "type",
    "noise": "noise",
    "rssi": "rssi",
    "filtered": "filtered",
    "unfiltered": "unfiltered",
    "is_valid": "isValid",
}
"""Fields of the API by column of the table."""

_FIRST = -62_135_596_800_000  # 0001-01-01 in epoch milliseconds
_LAST = 253_402_300_800_000  # 10000-01-01


def parse(body: bytes | bytearray) -> Any:
    """Parse the JSON of an answer. Raises ValueError if it is invalid, or nested too deeply."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    # The slower parser takes lone surrogates, and NaN, infinity and numbers beyond a double as
    # text: they spoil one field, and no other document.
    try:
        return json.loads(body, parse_float=_number, parse_int=_number, parse_constant=str)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def to_table(site: str, documents: Sequence[Any]) -> pa.Table:
    """Return a row for each document: its fields as text, its instant, and the whole document.

    `reading_timestamp` is null where `date` is no number, or lies outside the years 1 to 9999.
    `type` is as it is meant; the payload has it as it was sent.
    """
    rows = [row if isinstance(row, dict) else {} for row in documents]
    columns = {"site": pa.array([site] * len(rows), pa.string())}
    for column, field in FIELDS.items():
        columns[column] = _texts([row.get(field) for row in rows])
    columns["type"] = _texts([_kind(row) for row in rows])
    columns["reading_timestamp"] = pa.array(
        [_microseconds(row.get("date")) for row in rows], pa.timestamp("us", tz="UTC")
    )
    columns["payload"] = pa.array([_json(document) for document in documents], pa.string())
    return pa.table(columns)


def _kind(row: dict[str, Any]) -> Any:
    """Return the type of an entry without blanks, in small letters; without one, sgv if it has it.

    Nightscout's own pages take an entry that has `sgv` and no type for sensor glucose, too.
    """
    kind = row.get("type")
    if isinstance(kind, str):
        kind = kind.strip().lower() or None
    return "sgv" if kind is None and row.get("sgv") not in (None, "") else kind


def _texts(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, UnicodeError):  # some values are no text, or no valid UTF-8
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    kind = type(value)
    if kind is int:
        return str(value)
    if kind is float:
        return repr(value).removesuffix(".0")
    if kind is str:
        return str(value.encode("utf-8", "backslashreplace"), "utf-8")
    return None if value is None else _json(value)


def _json(value: Any) -> str | None:
    """Return compact JSON; None for about 1,000 nested levels, which no Nightscout can store."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # lone surrogates, whole numbers beyond 64 bits, more than 254 levels
        pass
    try:
        return json.dumps(value, separators=(",", ":"))
    except RecursionError:
        return None


def _microseconds(date: Any) -> int | None:
    """Return epoch milliseconds as whole microseconds, by decimal digits; the rest is cut off."""
    if type(date) is int:
        return date * 1000 if _FIRST <= date < _LAST else None
    if not isinstance(date, float | str):
        return None
    try:
        number = Decimal(repr(date) if isinstance(date, float) else date)
    except InvalidOperation:
        return None
    if not number.is_finite() or not _FIRST <= number < _LAST:
        return None
    return math.floor(number * 1000)


def _number(text: str) -> float | str:
    number = float(text)
    if math.isinf(number):
        return text
    return int(text) if text.lstrip("-").isdigit() else number
