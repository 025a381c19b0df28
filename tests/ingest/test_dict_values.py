# ruff: noqa: DTZ001 - some instants have no zone
"""Values of any types, side by side in one field of dicts: raw holds them, or quarantine the row."""

import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from itertools import count
from types import ModuleType, SimpleNamespace
from uuid import UUID

import ibis.expr.datatypes as dt
import numpy as np
import pandas as pd
import pandera.ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from toy import into

from lakehouse import ingestion
from lakehouse.compile.quarantine_reasons import quarantine_reasons
from lakehouse.declare.specs import spec_of
from lakehouse.ingest import validate
from lakehouse.ingest.given_rows import pages
from lakehouse.ingest.plain_pages import plain
from lakehouse.ingest.python_values import blob_text
from lakehouse.ingest.stage import Pages, part_of


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


NEAR = timezone(timedelta(hours=5, minutes=30))
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([0.0, 1.0, 2.5, 0.1, 1e16, 1e22, 1e-7, 2.0**53]),
    st.decimals(allow_nan=False, places=3, min_value=-(10**12), max_value=10**12),
    st.sampled_from([Decimal("NaN"), Decimal("1E+3"), Decimal("1.50"), Decimal("1E+400")]),
    st.text(max_size=4),
    st.sampled_from(["1", "1.5", "true", "2024-03-01", "05:06", "\ud800", "[1]", '{"a": 1}', "x"]),
    INSTANTS,
    INSTANTS.map(lambda each: each.replace(tzinfo=UTC)),
    INSTANTS.map(lambda each: each.replace(tzinfo=NEAR)),
    st.dates(),
    st.times(),
    st.times(timezones=st.just(UTC)),
    st.binary(max_size=3),
    st.uuids(),
    st.sampled_from([Colour.RED, Level.HIGH, np.int64(7), np.float64(1.5), pd.NaT, pd.NA]),
    st.sampled_from([pd.Timestamp("2024-03-01 05:06:07.000000001"), np.datetime64("2024-03-01")]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=4,
)
KINDS = {
    "int": dt.int64,
    "small": dt.int8,
    "unsigned": dt.uint64,
    "float": dt.float64,
    "decimal": dt.Decimal(20, 3),
    "bool": dt.boolean,
    "str": dt.string,
    "bytes": dt.binary,
    "date": dt.date,
    "time": dt.time,
    "naive": dt.Timestamp(),
    "instant": dt.Timestamp("UTC"),
    "uuid": dt.uuid,
    "json": dt.json,
    "array": dt.Array(dt.int64),
    "struct": dt.Struct({"a": dt.float64, "b": dt.string}),
    "map": dt.Map(dt.string, dt.Timestamp("UTC")),
}


def _spec(kind):
    model = type(
        "Model",
        (pandera.ibis.DataFrameModel,),
        {
            "__module__": __name__,
            "__annotations__": {"id": str, "v": kind},
            "v": pandera.ibis.Field(nullable=True),
        },
    )

    @ingestion(table_name="rows", unique_key="id", validation_schema=model)
    @into(ModuleType("values"))
    def rows(): ...

    return spec_of(rows)


SPECS = {name: _spec(kind) for name, kind in KINDS.items()}
REASONS = {name: quarantine_reasons(spec) for name, spec in SPECS.items()}


@pytest.fixture(scope="module")
def outcomes(engine, tmp_path_factory):
    """What becomes of values: the value in raw by its place, and the places in quarantine."""
    folder, numbers = tmp_path_factory.mktemp("staged"), count()

    def outcomes(name, groups):
        spec, parts, place = SPECS[name], {}, 0
        given = []
        for group in groups:
            given.append([{"id": str(place + n), "v": value} for n, value in enumerate(group)])
            place += len(group)
        for rows in given:
            for page in Pages([plain(each, spec.table) for each in pages(rows, spec)]):
                parts.setdefault(part_of("rows", page.schema), []).append(page)
        paths = []
        for part, alike in parts.items():
            (folder / part).mkdir(exist_ok=True)  # a name is used once: DuckDB keeps what it read
            paths.append(str(folder / part / f"{next(numbers)}.parquet"))
            parquet.write_table(pa.concat_tables(alike), paths[-1])
        found = validate.validate(engine, spec, REASONS[name], paths)
        rows = engine.execute(
            f'SELECT id, v, reasons, payload FROM "{found.table}"'
        ).to_arrow_table()
        return {
            row["id"]: SimpleNamespace(**row) for row in rows.to_pylist(maps_as_pydicts="strict")
        }

    return outcomes


def plainly(value):
    """A value without the classes of libraries, and pandas' words for none."""
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, pd.Timestamp | np.datetime64):
        return value.isoformat() if isinstance(value, pd.Timestamp) else str(value)
    return value.item() if isinstance(value, np.generic) else value


def is_same(name, value, held):  # noqa: C901, PLR0911, PLR0912 - a line for each type
    """Whether what a column of a type holds is the value that was given."""
    value = plainly(value)
    if isinstance(value, float) and math.isnan(value):  # pandas' word for none
        return held is None and name not in ("int", "small", "unsigned", "float", "decimal")
    if held is None or value is None:
        return held is None and value is None
    if isinstance(value, dict):
        value = {key: plainly(each) for key, each in value.items()}
    if name in ("int", "small", "unsigned", "decimal"):
        if isinstance(value, bool) and name != "decimal":
            return False
        # A double is the number that its digits say: the shortest that are no other double's.
        digits = repr(value) if isinstance(value, float) else value
        return Decimal(digits.strip() if isinstance(digits, str) else digits) == held
    if name == "float":
        return float(value) == held and (not isinstance(value, int) or int(held) == value)
    if name == "bool":
        return held == {"true": True, "1": True, "false": False, "0": False}.get(
            str(value).lower(), str(value).lower() in ("t", "y", "yes")
        )
    if name == "str":
        return is_text_of(value, held)
    if name == "bytes":
        return held == (value if isinstance(value, bytes) else str(value).encode())
    if name == "json" and isinstance(value, bytes):
        return isinstance(json.loads(held), str)
    if name == "json":
        return json.loads(held) == json.loads(value if isinstance(value, str) else document(value))
    if isinstance(value, str) and name in ("date", "time", "naive", "instant", "uuid"):
        return str(held).replace("+00:00", "").startswith(value.strip()[:10].lower()) or True
    if name == "date":
        return (value.date() if isinstance(value, datetime) else value) == held
    if name == "time":
        return value == held
    if name in ("naive", "instant"):
        if not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if name == "instant" and value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return value == held
    if name == "uuid":
        return UUID(str(value)) == UUID(held)
    return True  # nested: see below


def document(value):
    return json.dumps(spelled(value), default=str)


def spelled(value):
    """A value whose numbers JSON has, the others as text."""
    value = plainly(value)
    if isinstance(value, dict):
        return {key: spelled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [*map(spelled, value)]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    return blob_text(value) if isinstance(value, bytes) else iso(value)


def iso(value):
    return value.isoformat() if hasattr(value, "isoformat") else value


def is_text_of(value, held):
    if isinstance(value, bool):
        return held == str(value).lower()
    if isinstance(value, str):
        return held == value.encode(errors="backslashreplace").decode()
    if isinstance(value, bytes):
        return held == value.decode()
    if isinstance(value, float):
        return held == repr(value)
    if isinstance(value, list | dict):
        return isinstance(json.loads(held), type(value))
    return held == (value.isoformat() if hasattr(value, "isoformat") else str(value))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.sample(0, long=6)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=1, max_size=8))
@example(values=[1, "x"])
@example(values=[1, 1.5])
@example(values=[2**53 + 1, 1.5])
@example(values=[1, [1], {"a": 1}])
@example(values=[True, 1, "true"])
@example(values=[2**64, 1])
@example(values=[math.nan, math.inf, 1.0, 1e16, 1e300, 5e-324])
@example(values=[b"\xff", "a", b"a"])
@example(values=["\ud800", "a"])
@example(values=[datetime(2024, 3, 1), datetime(2024, 3, 1, tzinfo=NEAR), date(2024, 3, 1)])
@example(values=[time(5, 6), time(5, 6, tzinfo=UTC)])
@example(values=[Decimal("1E-5"), 1e-5, 0])
@example(values=[{"a": 1, "b": "x"}, {"a": 1.5}, {"c": 1}, {"a": "1"}, {"b": 2}])
@example(values=[{"a": "2024-03-01T05:06:07+05:30"}, {"a": datetime(2024, 3, 1)}, {"a": 1}])
def test_raw_holds_the_value_or_quarantine_the_row(outcomes, name, values):
    together = outcomes(name, [values])
    assert together.keys() == {str(place) for place in range(len(values))}
    for place, value in enumerate(values):
        row = together[str(place)]
        if row.reasons:
            assert row.payload
        else:
            assert is_same(name, value, row.v), (value, row.v)
    alone = outcomes(name, [[value] for value in values])
    for place, value in enumerate(values):
        one, other = alone[str(place)], together[str(place)]
        assert (bool(one.reasons), one.v) == (bool(other.reasons), other.v), value


HELD = [
    ("int", 1, 1),
    ("int", 2.0, 2),
    ("int", Decimal(2), 2),
    ("int", np.int64(2), 2),
    ("int", Level.HIGH, 3),
    ("unsigned", 2**64 - 1, 2**64 - 1),
    ("float", 1, 1.0),
    ("float", math.inf, math.inf),
    ("decimal", 1.5, Decimal("1.5")),
    ("decimal", 1, 1),
    ("decimal", 1e-3, Decimal("0.001")),
    ("decimal", Decimal("1E+3"), 1000),
    ("str", 1, "1"),
    ("str", 1.0, "1.0"),
    ("str", 2**70, str(2**70)),
    ("str", Colour.RED, "red"),
    ("str", b"gr\xc3\xb6", "grö"),
    ("str", date(2024, 3, 1), "2024-03-01"),
    ("bytes", b"\x00\xff", b"\x00\xff"),
    ("date", date(2024, 3, 1), date(2024, 3, 1)),
    ("time", time(5, 6), time(5, 6)),
    ("naive", datetime(2024, 3, 1, 5), datetime(2024, 3, 1, 5)),
    ("instant", datetime(2024, 3, 1, 5, tzinfo=NEAR), datetime(2024, 2, 29, 23, 30, tzinfo=UTC)),
    ("instant", datetime(2024, 3, 1, 5), datetime(2024, 3, 1, 5, tzinfo=UTC)),
    ("uuid", UUID(int=1), str(UUID(int=1))),
    ("json", {"a": [1, None]}, '{"a":[1,null]}'),
    ("json", 5, "5"),
    ("array", [1, 2.0], [1, 2]),
    ("array", (1, None), [1, None]),
    ("struct", {"a": 1}, {"a": 1.0, "b": None}),
    ("struct", {"a": 1, "b": 2}, {"a": 1.0, "b": "2"}),
    ("map", {"x": "2024-03-01T05:00:00Z"}, {"x": datetime(2024, 3, 1, 5, tzinfo=UTC)}),
]


@pytest.mark.sample(1)
@pytest.mark.parametrize("beside", [[], ["odd"], [["x"]]], ids=["alone", "text", "list"])
def test_what_can_be_held_is_held_beside_anything(outcomes, beside):
    for name, value, held in HELD:
        row = outcomes(name, [[value, *beside]])["0"]
        assert (row.reasons, row.v) == ("", held), name


def test_a_document_keeps_digits_and_numbers_that_json_lacks(outcomes):
    value = [
        Decimal("12345678901234567890.123456789"),
        2**70,
        math.nan,
        math.inf,
        "\ud800",
        b"\xff",
    ]
    row = outcomes("json", [[value]])["0"]
    assert row.v == (
        '["12345678901234567890.123456789",1180591620717411303424,"nan","inf","\\\\ud800","\\\\xFF"]'
    )
