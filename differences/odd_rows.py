"""The rows that every construct is tried on: odd values of each type, paired with each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from lakehouse.declare.column_types import arrow_schema

NAME = "odd_rows"
KEY = "id"
"""The column that tells rows apart."""
GROUP = "g"
"""A column of groups: half of them hold every value of a type, half the same value repeated."""
_APART = 24
"""Values of a type, at most; rows are as many as pairs of them."""

_MOMENTS = [
    datetime.fromisoformat(text)
    for text in (
        *("1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2024-02-29 12:34:56.123456"),
        *("2024-03-31 02:30:00", "2024-10-27 02:30:00", "1900-01-01 00:00:00.500000"),
        *("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "1582-10-10 01:02:03.000004"),
        *("2023-12-31 23:59:59.999500", "2024-12-30 13:00:00.000050"),
    )
]
_DAYS = [
    date.fromisoformat(text)
    for text in (
        *("1970-01-01", "1969-12-31", "2024-02-29", "2023-12-31", "2024-12-30", "1900-01-01"),
        *("1582-10-10", "0001-01-01", "9999-12-31", "2024-03-31", "2021-01-03"),
    )
]
_DECIMALS = [
    Decimal(text)
    for text in (
        *("0", "1.5", "-1.5", "2.5", "-2.5", "0.0001", "99999999999999.9999", "-12345.6789"),
        *("100", "0.5", "-0.0050"),
    )
]
VALUES: dict[str, tuple[dt.DataType, Sequence[Any]]] = {
    "flag": (dt.boolean, (None, True, False)),
    "few": (dt.int64, (None, -3, -2, -1, 0, 1, 2, 3, 5, 12, 31, 100)),
    "i32": (dt.int32, (None, 0, 1, -1, 3, -3, 2**31 - 1, -(2**31), 10, 59, 2024, 5)),
    "i64": (
        dt.int64,
        (None, 0, 1, -1, 7, -7, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 100),
    ),
    "f64": (
        dt.float64,
        (
            *(None, 0.0, -0.0, 1.5, -1.5, 0.1),
            *(float("inf"), float("-inf"), 1e300, 1e-300, 123456789.123456),
        ),
    ),
    "share": (dt.float64, (None, 0.0, 0.5, 1.0, 1.5, -0.5, 2.5, 3.25, 100.0, 0.1)),
    "nan": (dt.float64, (None, float("nan"), 1.5, -2.0, 0.0)),
    "dec": (dt.Decimal(18, 4), (None, *_DECIMALS)),
    "text": (
        dt.string,
        (
            *(None, "", " ", "abc", "ABC", "äöü ÄÖÜ", "ß", "e\u0301", "日本", "😀x", "ǆ İ"),
            *("a'b\"c\\d", " 12 ", "12", "1.5", "-7", "2024-02-29", "a,b,,c", "line\nbreak"),
            *("true", "%_x", "NaN", "2024-03-15T08:05:00Z", '{"a": [1, "b"]}'),
        ),
    ),
    "day": (dt.date, (None, *_DAYS)),
    "local": (dt.Timestamp(scale=6), (None, *_MOMENTS)),
    "at": (
        dt.Timestamp(timezone="UTC", scale=6),
        (None, *(moment.replace(tzinfo=UTC) for moment in _MOMENTS)),
    ),
    "clock": (
        dt.time,
        (
            *(None, time(0), time(23, 59, 59, 999_999), time(12, 34, 56, 123_456), time(12)),
            *(time(0, 0, 0, 1), time(13, 5), time(2, 30)),
        ),
    ),
    "bytes": (dt.binary, (None, b"", b"abc", b"\x00\xff", "ä".encode())),
    "ints": (
        dt.Array(dt.int64),
        (None, [], [1], [1, 2, 3], [3, 1, 2, 1], [None], [1, None, 2], [-1, 0], [2**63 - 1, -5]),
    ),
    "floats": (
        dt.Array(dt.float64),
        (None, [], [1.5, 2.5], [2.5, 1.0, 2.5], [float("inf"), float("-inf")], [None, -0.0]),
    ),
    "texts": (
        dt.Array(dt.string),
        (None, [], ["a"], ["b", "a", "b"], ["", "x"], [None, "a"], ["ä", "z", "Z"], [None]),
    ),
    "flags": (
        dt.Array(dt.boolean),
        (None, [], [True], [True, False], [None], [None, True], [False, None], [False]),
    ),
    "nested": (
        dt.Array(dt.Array(dt.int64)),
        (None, [], [[1], [2, 3]], [[]], [None, [1]], [[1, None], [1]]),
    ),
    "pairs": (
        dt.Map(dt.string, dt.int64),
        (None, {}, {"a": 1}, {"a": 1, "b": None}, {"abc": -7, "": 0}),
    ),
    "record": (
        dt.Struct({"x": dt.int64, "y": dt.string}),
        (None, {"x": 1, "y": "a"}, {"x": None, "y": ""}, {"x": -7, "y": None}),
    ),
}
"""Type and values by the name of their column. Each has three columns, as `_place` says."""


def _place(row: int, column: int, count: int) -> int:
    """Return which of `count` values a row has: pairs of the first two columns occur in all."""
    places = (row, row // _APART, 5 * row + row // _APART)
    return places[column] % count


SUFFIXES = ("", "_b", "_c")
"""Ends of the names of the columns of a type."""
SCHEMA = ibis.schema(
    {
        KEY: dt.int64,
        GROUP: dt.int64,
        **{name + suffix: kind for name, (kind, _) in VALUES.items() for suffix in SUFFIXES},
    }
)


def rows() -> pa.Table:
    """Return the rows."""
    numbers = range(_APART * _APART)
    half = len(numbers) // 2
    columns: dict[str, list[Any]] = {
        KEY: list(numbers),
        GROUP: [row // _APART if row < half else 100 + row % _APART for row in numbers],
    }
    for name, (_, values) in VALUES.items():
        for column, suffix in enumerate(SUFFIXES):
            columns[name + suffix] = [values[_place(row, column, len(values))] for row in numbers]
    schema = arrow_schema(SCHEMA)
    arrays = [pa.array(columns[field.name], field.type) for field in schema]
    return pa.table(arrays, schema=schema)


def table() -> ir.Table:
    """Return the rows as an unbound table."""
    return ibis.table(SCHEMA, name=NAME)
