"""A fetched value is in raw as it came, or its row is in quarantine with the reason."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Annotated

import ibis.expr.datatypes as dt
import pandera.ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from lakehouse import ROUNDED, ingestion
from lakehouse.compile.quarantine_reasons import quarantine_reasons
from lakehouse.declare.raw_columns import POSITION
from lakehouse.declare.specs import spec_of
from lakehouse.engines import duckdb
from lakehouse.ingest.validate import validate

TYPES = {
    "int8": dt.Int8,
    "int32": dt.Int32,
    "int64": dt.Int64,
    "float32": dt.Float32,
    "float64": dt.Float64,
    "decimal": Annotated[dt.Decimal, 12, 2, True],
    "plain decimal": dt.Decimal,
    "naive": Annotated[dt.Timestamp, None, 6, True],
    "instant": Annotated[dt.Timestamp, "UTC", 6, True],
    "date": dt.Date,
    "time": dt.Time,
    "bool": dt.Boolean,
    "text": dt.String,
}
"""Types that a field can be declared as, by a name for the tests."""


def declaration(kind, metadata):
    """An ingestion whose column `value` is declared as a type."""
    field = pandera.ibis.Field(nullable=True, metadata=metadata)
    names = {"__annotations__": {"id": int, "value": kind}, "value": field}
    schema = type("Declared", (pandera.ibis.DataFrameModel,), names)

    @ingestion(table_name="declared", validation_schema=schema, unique_key="id")
    def declared(window):
        yield from ()

    return spec_of(declared)


@pytest.fixture(scope="module")
def engine():
    return duckdb.connect(extensions=["icu"])


@pytest.fixture(scope="module")
def landing(engine, tmp_path_factory):
    """Validates values that are declared as a type; returns what each became, and the reason."""
    folder, numbers_of_files, specs = tmp_path_factory.mktemp("staged"), count(), {}

    def land(values, kind, metadata=None):
        spec = specs.setdefault((kind, metadata is None), declaration(TYPES[kind], metadata))
        numbers = pa.array(range(len(values)), pa.int64())
        rows = pa.table({"id": numbers, "value": values, POSITION: numbers})
        place = folder / f"{next(numbers_of_files)}.parquet"
        parquet.write_table(rows, place)
        table = validate(engine, spec, quarantine_reasons(spec), [str(place)]).table
        sql = f"SELECT value, reasons FROM {table} ORDER BY {POSITION}"
        return engine.connection.execute(sql).fetchall()

    return land


@pytest.mark.parametrize(
    ("value", "kind", "kept"),
    [
        ("1", "int64", 1),
        (" 1 ", "int64", 1),
        ("1.0", "int64", 1),
        ("+7.", "int64", 7),
        ("1e3", "int64", 1000),
        ("9223372036854775807", "int64", 2**63 - 1),
        (2.0, "int64", 2),
        (True, "int64", 1),
        ("0.1", "float64", 0.1),
        (".5", "float64", 0.5),
        ("-1.5e-3", "float64", -0.0015),
        ("inf", "float64", math.inf),
        (2**53, "float64", 2.0**53),
        ("1.25", "decimal", Decimal("1.25")),
        ("1.2500", "decimal", Decimal("1.25")),
        ("-7", "decimal", Decimal("-7.00")),
        ("125.0", "plain decimal", Decimal(125)),
        (1.25, "decimal", Decimal("1.25")),
        ("2024-03-15T05:00:00+02:00", "instant", datetime(2024, 3, 15, 3, tzinfo=UTC)),
        ("2024-03-15 05:00:00 Europe/Berlin", "instant", datetime(2024, 3, 15, 4, tzinfo=UTC)),
        ("2024-03-15T05:00:00.123456000Z", "instant", datetime(2024, 3, 15, 5, 0, 0, 123456, UTC)),
        ("2024-03-15T05:00:00", "naive", datetime(2024, 3, 15, 5)),  # noqa: DTZ001
        ("2024-03-15 00:00:00", "date", date(2024, 3, 15)),
        ("05:06:07.5", "time", time(5, 6, 7, 500000)),
        (1.5, "text", "1.5"),
        ({"a": 1}, "text", '{"a":1}'),
        (["x", "y"], "text", '["x","y"]'),
        ("größe".encode(), "text", "größe"),
    ],
)
def test_a_value_that_the_type_holds_is_kept(landing, value, kind, kept):
    assert landing(pa.array([value]), kind) == [(kept, "")]


CHANGED = [
    ("1.5", "int64"),
    ("1_21", "int64"),
    ("0x1F", "int64"),
    ("1.5e0", "int64"),
    ("1e300", "int64"),
    ("9223372036854775813", "int64"),
    ("128", "int8"),
    ("inf", "int64"),
    (1.5, "int64"),
    (1e300, "int64"),
    (math.inf, "int64"),
    (math.nan, "int64"),
    (2**53 + 1, "float64"),
    ("9007199254740993", "float64"),
    ("1e400", "float64"),
    ("1_2.5", "float64"),
    (0.1, "float32"),
    ("16777217", "float32"),
    ("1.255", "decimal"),
    (1.255, "decimal"),
    ("12345678901.5", "decimal"),
    ("1.25", "plain decimal"),
    (Decimal("1.255"), "decimal"),
    ("2024-03-15T05:00:00+02:00", "naive"),
    ("2024-03-15 05:00:00 UTC", "naive"),
    ("2024-03-15T05:00:00.1234567", "naive"),
    ("2024-03-15T05:00:00.123456789Z", "instant"),
    ("epoch", "instant"),
    ("infinity", "instant"),
    ("1710478800", "instant"),
    (1710478800, "instant"),
    (1710478800, "naive"),
    ("2024-03-15 05:00:00", "date"),
    (datetime(2024, 3, 15, 5, tzinfo=UTC), "date"),
    ("05:06:07.1234567", "time"),
    ("05:00+02:00", "time"),
    (2, "bool"),
    ("maybe", "bool"),
    (b"\xff", "text"),
    ({"a": 1}, "int64"),
]


@pytest.mark.parametrize(("value", "kind"), CHANGED)
def test_a_value_that_would_change_is_a_reason(landing, value, kind):
    ((kept, reason),) = landing(pa.array([value]), kind)
    assert kept is None
    assert reason.startswith("value: ")


def test_nanoseconds_that_would_be_cut_are_a_reason(landing):
    ((kept, reason),) = landing(pa.array([1], pa.timestamp("ns")), "naive")
    assert kept is None
    assert reason


@pytest.mark.parametrize(
    ("value", "kind", "kept"),
    [
        ("1.5", "int64", 2),
        (1.5, "int64", 2),
        ("1767322876609.96", "int64", 1767322876610),
        ("2024-03-15T05:00:00.123456789Z", "instant", datetime(2024, 3, 15, 5, 0, 0, 123456, UTC)),
    ],
)
def test_a_field_may_say_that_it_is_rounded(landing, value, kind, kept):
    assert landing(pa.array([value]), kind, ROUNDED) == [(kept, "")]


@pytest.mark.parametrize("value", ["1_21", "0x1F", "x", "inf", "1e300"])
def test_what_is_no_number_is_not_rounded_either(landing, value):
    ((kept, reason),) = landing(pa.array([value]), "int64", ROUNDED)
    assert (kept, bool(reason)) == (None, True)


@pytest.mark.long
def test_a_missing_value_stays_missing(landing):
    for kind in TYPES:
        assert landing(pa.array([None], pa.string()), kind) == [(None, "")]


WHOLE = st.integers(-(2**70), 2**70) | st.integers(-300, 300)
DOUBLES = st.floats() | st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
DECIMALS = st.decimals(-(10**12), 10**12, places=4)
NUMBERS = st.one_of(
    st.builds(str, WHOLE),
    st.builds(repr, DOUBLES),
    st.builds(str, DECIMALS),
    st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,4})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.text("0123456789+-._eEx, ", max_size=8),
)


def is_written(text):
    """Whether a text is a number, as everybody writes it."""
    with suppress(ArithmeticError):
        return "_" not in text and text.isascii() and Decimal(text.strip(" ")) is not None
    return False


def holds(kind, kept, text):
    """Whether a stored value is the number of a text.

    A double is the nearest of a fraction or a power of ten, and that of a number it is written as.
    """
    number = Decimal(text.strip(" "))
    if not number.is_finite():
        return str(Decimal(kept)).lstrip("-") == str(number).lstrip("-")
    if kind == "float64" and (number != number.to_integral_value() or "e" in text.lower()):
        return kept == float(number)
    return Decimal(kept) == number or (kind == "float64" and Decimal(repr(kept)) == number)


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", ["int8", "int32", "int64", "float64", "decimal"])
@given(texts=st.lists(NUMBERS, min_size=1, max_size=20))
def test_any_text_is_kept_as_the_number_that_it_is_or_is_a_reason(landing, kind, texts):
    for text, (kept, reason) in zip(texts, landing(pa.array(texts), kind), strict=True):
        assert (kept is None) == bool(reason)
        if kept is not None:
            assert is_written(text)
            assert holds(kind, kept, text)


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", ["int8", "int32", "int64", "float32", "float64", "decimal"])
@given(
    values=st.one_of(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20).map(
            lambda numbers: pa.array(numbers, pa.int64())
        ),
        st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20).map(
            lambda numbers: pa.array(numbers, pa.uint64())
        ),
        st.lists(DOUBLES, min_size=1, max_size=20).map(pa.array),
        st.lists(st.floats(width=32), min_size=1, max_size=20).map(
            lambda numbers: pa.array(numbers, pa.float32())
        ),
        st.lists(DECIMALS, min_size=1, max_size=20).map(
            lambda numbers: pa.array(numbers, pa.decimal128(20, 4))
        ),
    )
)
def test_any_number_is_kept_as_it_is_or_is_a_reason(landing, kind, values):
    for value, (kept, reason) in zip(values.to_pylist(), landing(values, kind), strict=True):
        assert (kept is None) == bool(reason)
        if kept is not None and not (value != value and kept != kept):  # noqa: PLR0124 - NaN
            assert same(kept, value, values.type)


def same(kept, value, type_of_value):
    """Whether a stored number is a fetched one, or the nearest that its type can write."""
    if isinstance(value, Decimal) and isinstance(kept, float):
        return kept in (float(value), pa.scalar(float(value), pa.float32()).as_py())
    if isinstance(kept, Decimal) and isinstance(value, float):
        return pa.scalar(float(kept), type_of_value).as_py() == value
    return kept == value


@pytest.mark.long
@given(
    moment=st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001
    shift=st.none() | st.integers(-14 * 60, 14 * 60),
    nanoseconds=st.integers(0, 999),
)
def test_any_written_time_is_the_same_time_or_is_a_reason(landing, moment, shift, nanoseconds):
    zone = (
        ""
        if shift is None
        else f"{'-' if shift < 0 else '+'}{abs(shift) // 60:02}:{abs(shift) % 60:02}"
    )
    text = (
        f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0")
        + f".{moment.microsecond:06}{nanoseconds:03}{zone}"
    )
    ((naive, no_naive),) = landing(pa.array([text]), "naive")
    ((instant, no_instant),) = landing(pa.array([text]), "instant")
    fits = nanoseconds == 0
    assert (naive, bool(no_naive)) == ((moment, False) if fits and not zone else (None, True))
    meant = (moment - timedelta(minutes=shift or 0)).replace(tzinfo=UTC)
    assert (instant, bool(no_instant)) == ((meant, False) if fits else (None, True))
