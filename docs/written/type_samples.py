"""Samples of every type that can be declared: what a source may yield, and what has to come of it.

A sample is a few values of one Arrow type for one declared column. The value that raw and marts
have to hold then stands beside each, or REJECTED for a row that has to be in quarantine.
"""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import ibis.expr.datatypes as dt
import pyarrow as pa

REJECTED = "rejected"
"""What is expected of a value that no table may hold."""
DECLARED: dict[str, Any] = {
    "bool": bool,
    "dt.Int8": dt.Int8,
    "dt.Int16": dt.Int16,
    "dt.Int32": dt.Int32,
    "int": int,
    "dt.UInt8": dt.UInt8,
    "dt.UInt16": dt.UInt16,
    "dt.UInt32": dt.UInt32,
    "dt.UInt64": dt.UInt64,
    "dt.Float32": dt.Float32,
    "float": float,
    "dt.Decimal(12, 2)": dt.Decimal(12, 2),
    "dt.Decimal(38, 38)": dt.Decimal(38, 38),
    "str": str,
    "bytes": bytes,
    "dt.Date": dt.Date,
    "dt.Time": dt.Time,
    "dt.Timestamp": dt.Timestamp,
    "dt.Timestamp('UTC')": dt.Timestamp("UTC"),
    "dt.UUID": dt.UUID,
    "dt.JSON": dt.JSON,
    "dt.Array(dt.int64)": dt.Array(dt.int64),
    "dt.Struct({'a': dt.int64})": dt.Struct({"a": dt.int64}),
    "dt.Map(dt.string, dt.int64)": dt.Map(dt.string, dt.int64),
}
"""The types, by how they are written in a schema."""
REFUSED: dict[str, Any] = {
    "dt.Interval": dt.Interval,
    "dt.Decimal(50, 2)": dt.Decimal(50, 2),
    "dt.Timestamp('Europe/Berlin')": dt.Timestamp("Europe/Berlin"),
    "list[int]": list[int],
    "dict": dict,
    "dt.Point": dt.Point,
    "object": object,
}
"""What looks like a type and cannot be declared."""
_BIG = 2**63 - 1
_UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
_MOMENT = datetime(2024, 3, 15, 5, 6, 7, 123456)  # noqa: DTZ001 - a naive one is meant


@dataclass(frozen=True)
class Sample:
    """Values that a source yields for a declared column, and what has to come of each."""

    declared: str
    yielded: pa.Array
    expected: tuple[Any, ...]


def _sample(declared: str, kind: pa.DataType, values: dict[Any, Any]) -> Sample:
    return Sample(declared, pa.array([*values], kind), tuple(values.values()))


def _pairs(declared: str, kind: pa.DataType, *pairs: tuple[Any, Any]) -> Sample:
    return Sample(
        declared,
        pa.array([value for value, _ in pairs], kind),
        tuple(expected for _, expected in pairs),
    )


def _whole(declared: str, low: int, high: int) -> list[Sample]:
    texts = {str(low): low, str(high): high, "1.5": REJECTED, str(high + 1): REJECTED}
    return [
        _sample(declared, pa.string(), {**texts, "1_2": REJECTED, "7.0": 7}),
        _sample(declared, pa.float64(), {2.0: 2, 1.5: REJECTED, 1e300: REJECTED}),
    ]


SAMPLES: list[Sample] = [
    _sample("bool", pa.bool_(), {True: True, False: False, None: None}),
    _sample("bool", pa.string(), {"true": True, "0": False, "maybe": REJECTED}),
    *_whole("dt.Int8", -128, 127),
    *_whole("dt.Int16", -(2**15), 2**15 - 1),
    *_whole("dt.Int32", -(2**31), 2**31 - 1),
    *_whole("int", -_BIG - 1, _BIG),
    *_whole("dt.UInt8", 0, 255),
    *_whole("dt.UInt16", 0, 2**16 - 1),
    *_whole("dt.UInt32", 0, 2**32 - 1),
    *_whole("dt.UInt64", 0, 2**64 - 1),
    _sample("int", pa.int64(), {1: 1, _BIG: _BIG, None: None}),
    _sample("int", pa.uint64(), {2**63: REJECTED}),
    _sample("dt.UInt64", pa.uint64(), {2**64 - 1: 2**64 - 1}),
    _pairs("dt.Float32", pa.float64(), (1.5, 1.5), (0.1, REJECTED), (math.nan, REJECTED)),
    _pairs("float", pa.float64(), (0.1, 0.1), (math.inf, math.inf), (math.nan, REJECTED)),
    _sample("float", pa.int64(), {2**53: 2.0**53, 2**53 + 1: REJECTED}),
    _sample("float", pa.string(), {"1e-3": 0.001, "1,5": REJECTED, "nan": REJECTED}),
    _sample("float", pa.float16(), {1.5: 1.5}),
    _sample(
        "dt.Decimal(12, 2)",
        pa.string(),
        {"1.25": Decimal("1.25"), "1.255": REJECTED, "12345678901": REJECTED},
    ),
    _pairs("dt.Decimal(12, 2)", pa.float64(), (1.25, Decimal("1.25")), (1.255, REJECTED)),
    _sample(
        "dt.Decimal(12, 2)",
        pa.decimal256(76, 3),
        {Decimal("1.250"): Decimal("1.25"), Decimal("1.255"): REJECTED},
    ),
    _sample("dt.Decimal(38, 38)", pa.string(), {"0.5": Decimal("0.5"), "1": REJECTED}),
    _sample("str", pa.string(), {"größe 😀": "größe 😀", "": "", None: None}),
    _sample("str", pa.large_string(), {"large": "large"}),
    _sample("str", pa.string_view(), {"view": "view"}),
    _sample("str", pa.dictionary(pa.int8(), pa.string()), {"dictionary": "dictionary"}),
    _sample("str", pa.int64(), {1: "1"}),
    _sample("str", pa.float64(), {1.5: "1.5"}),
    _pairs("str", pa.struct([("a", pa.int64())]), ({"a": 1}, '{"a":1}')),
    _pairs("str", pa.list_(pa.int64()), ([1, 2], "[1,2]")),
    _sample("str", pa.binary(), {"größe".encode(): "größe", b"\xff": REJECTED}),
    _sample("bytes", pa.binary(), {b"\x00\xff": b"\x00\xff", b"": b"", None: None}),
    _sample("bytes", pa.string(), {"abc": b"abc"}),
    _sample("dt.Date", pa.date32(), {date(2024, 3, 15): date(2024, 3, 15), None: None}),
    _sample(
        "dt.Date",
        pa.string(),
        {
            "0001-01-01": date(1, 1, 1),
            "9999-12-31": date(9999, 12, 31),
            "10000-01-01": REJECTED,
            "2024-02-30": REJECTED,
            "2024-03-15 05:00": REJECTED,
        },
    ),
    _sample("dt.Date", pa.int64(), {19797: REJECTED}),
    _sample("dt.Time", pa.time64("us"), {time(5, 6, 7, 123456): time(5, 6, 7, 123456)}),
    _sample("dt.Time", pa.string(), {"05:06": time(5, 6), "24:00": REJECTED, "5 pm": REJECTED}),
    _sample("dt.Timestamp", pa.timestamp("us"), {_MOMENT: _MOMENT, None: None}),
    _sample(
        "dt.Timestamp",
        pa.string(),
        {
            "2024-03-15T05:06:07.123456": _MOMENT,
            "2024-03-15T05:06:07.1234567": REJECTED,
            "2024-03-15T05:06:07+02:00": REJECTED,
        },
    ),
    Sample(
        "dt.Timestamp('UTC')",
        pa.array([1_000_000], pa.timestamp("us", "Europe/Berlin")),
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),),
    ),
    Sample(
        "dt.Timestamp('UTC')",
        pa.array([1_000, 1_001], pa.timestamp("ns", "UTC")),
        (datetime(1970, 1, 1, 0, 0, 0, 1, UTC), REJECTED),
    ),
    _sample(
        "dt.Timestamp('UTC')",
        pa.string(),
        {
            "2024-03-15T05:06:07+02:00": datetime(2024, 3, 15, 3, 6, 7, tzinfo=UTC),
            "yesterday": REJECTED,
        },
    ),
    _sample("dt.Timestamp('UTC')", pa.int64(), {1710478800000: REJECTED}),
    _sample("dt.UUID", pa.string(), {_UUID.upper(): _UUID, "a0eebc99": REJECTED}),
    Sample("dt.UUID", pa.array([uuid.UUID(_UUID).bytes], pa.uuid()), (_UUID,)),
    _sample("dt.JSON", pa.string(), {'{"b": 1,  "a": [2]}': '{"b": 1,  "a": [2]}', "{": REJECTED}),
    _pairs("dt.JSON", pa.list_(pa.int64()), ([1], "[1]")),
    _pairs(
        "dt.Array(dt.int64)", pa.list_(pa.int64()), ([1, None], [1, None]), ([], []), (None, None)
    ),
    _sample(
        "dt.Array(dt.int64)", pa.string(), {"[1, 2]": [1, 2], "[1.5]": REJECTED, "1": REJECTED}
    ),
    _pairs("dt.Array(dt.int64)", pa.list_(pa.float64()), ([2.0], [2]), ([1.5], REJECTED)),
    _pairs("dt.Struct({'a': dt.int64})", pa.struct([("a", pa.int64())]), ({"a": 1}, {"a": 1})),
    _pairs(
        "dt.Struct({'a': dt.int64})",
        pa.struct([("a", pa.int64()), ("b", pa.int64())]),
        ({"a": 1, "b": 2}, REJECTED),
    ),
    _sample(
        "dt.Struct({'a': dt.int64})",
        pa.string(),
        {'{"a": 1}': {"a": 1}, '{"a": 1.5}': REJECTED, '{"b": 1}': REJECTED},
    ),
    _pairs(
        "dt.Map(dt.string, dt.int64)",
        pa.map_(pa.string(), pa.int64()),
        ([("a", 1)], {"a": 1}),
        ([], {}),
    ),
]
