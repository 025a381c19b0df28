"""Values reach Postgres as they are, whatever their type; only what it cannot hold stays out."""

import itertools
import json
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal

import ibis
import psycopg
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import QUICK
from pyarrow import parquet

from lakehouse.addresses.postgres import postgres_address
from lakehouse.compile.compiler import Statement
from lakehouse.compile.postgres_types import is_list, postgres_type
from lakehouse.engines import Load, Source
from lakehouse.plan.state import EVERYTHING
from lakehouse.publish import mart_moves, publication_table
from lakehouse.publish.mart_moves import Mart
from lakehouse.publish.publication_table import STAGING

_NUMBERS = itertools.count()
INSTANTS = pa.timestamp("us", "UTC")
PLAIN = {
    pa.bool_(): st.booleans(),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.sampled_from(["\0", "\\u0000", "\\", "\\\\\0", 'a,"{}\\', "NULL", "", "NaN"]),
    pa.binary(): st.binary(max_size=5),
    pa.date32(): st.dates(),
    pa.time64("us"): st.times(),
    pa.timestamp("us"): st.datetimes(),
    INSTANTS: st.datetimes(timezones=st.just(UTC)),
    pa.decimal128(12, 2): st.decimals(-(10**9), 10**9, places=2),
    pa.decimal128(38, 10): st.decimals(-(10**27), 10**27, places=10),
}
KEYS = [pa.string(), pa.int64()]
TYPES = st.recursive(
    st.sampled_from(list(PLAIN)),
    lambda inner: (
        st.builds(pa.list_, inner)
        | st.builds(lambda a, b: pa.struct({"a": a, "b c": b}), inner, inner)
        | st.builds(pa.map_, st.sampled_from(KEYS), inner)
    ),
    max_leaves=4,
)


def values_of(kind):
    """Values of a type, as Python has them; any may be missing."""
    if pa.types.is_list(kind):
        values = st.lists(values_of(kind.value_type), max_size=3)
    elif pa.types.is_struct(kind):
        values = st.fixed_dictionaries({field.name: values_of(field.type) for field in kind})
    elif pa.types.is_map(kind):
        keys = PLAIN[kind.key_type]
        values = st.dictionaries(keys, values_of(kind.item_type), max_size=2)
        values = values.map(lambda found: list(found.items()))
    else:
        values = PLAIN[kind]
    return st.none() | values


COLUMNS = TYPES.flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(values_of(kind), max_size=8))
)


def has_nul(value):
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, list | tuple):
        return any(map(has_nul, value))
    return isinstance(value, str) and "\0" in value


def as_document(kind, value):
    """What the docs promise of a value within a struct, a map or a list of lists."""
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [as_document(kind.value_type, item) for item in value]
    if pa.types.is_struct(kind):
        return {field.name: as_document(field.type, value[field.name]) for field in kind}
    if pa.types.is_map(kind):
        return {str(key): as_document(kind.item_type, item) for key, item in value}
    return as_part(value)


def as_part(value):
    """A plain value within a document: JSON's own, or a text."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        local = value.replace(tzinfo=None).isoformat(timespec="microseconds")
        return local + "Z" * bool(value.tzinfo)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return value


def same(found, expected):
    """Whether a value is the expected one; NaN equals NaN, and numbers are compared exactly."""
    if found is None or expected is None:
        return found is expected
    if isinstance(expected, dict):
        return expected.keys() == found.keys() and all(
            same(found[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(same, found, expected))
    if isinstance(expected, time) and isinstance(found, str):
        return time.fromisoformat(found) == expected
    if isinstance(expected, float):
        return float(found) == expected or (math.isnan(expected) and math.isnan(found))
    return found == expected


def exactly(text):
    """JSON with all digits of its numbers."""
    return json.loads(text, parse_float=Decimal)


@pytest.fixture
def through(engine, database, tmp_path):
    """Publishes a column of values; the type that Postgres gives it, and what it has by place."""
    with psycopg.connect(database) as connection:
        publication_table.prepare(connection)

    def through(kind, values):
        path = tmp_path / f"{next(_NUMBERS)}.parquet"
        places = pa.array(range(len(values)), pa.int64())
        rows = pa.table({"place": places, "x": pa.array(values, kind)})
        parquet.write_table(rows, path)
        return selected(ibis.schema(rows.schema), f"SELECT * FROM read_parquet('{path}')")

    def selected(schema, sql, read="x"):
        staging = (STAGING, f"t_{next(_NUMBERS)}")
        load = Load(Source("typed", schema, view=Statement(sql, schema)), EVERYTHING, staging)
        engine.load_postgres(postgres_address(database, "a test"), [load])
        engine.release()
        with psycopg.connect(database) as connection:
            mart_moves.move(connection, Mart("typed", load, ""), None)
            ((kind,),) = connection.execute(
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = 'marts.typed'::regclass AND attname = 'x'"
            ).fetchall()
            psycopg.types.json.set_json_loads(exactly, connection)
            rows = connection.execute(f"SELECT place, {read} FROM marts.typed").fetchall()
            connection.execute("DROP TABLE marts.typed")
        return kind, dict(rows)

    through.selected = selected
    return through


def require_same(kind, values, found):
    """Compare what Postgres has with the values that it can hold, by place."""
    declared = ibis.schema(pa.schema({"x": kind}))["x"]
    found_kind, rows = found
    assert found_kind == postgres_type(declared)
    assert rows.keys() == {place for place, value in enumerate(values) if not has_nul(value)}
    is_plain = not declared.is_nested() or is_list(declared)
    for place, value in rows.items():
        expected = values[place] if is_plain else as_document(kind, values[place])
        assert same(value, expected), (value, expected)


@pytest.mark.long
@QUICK
@given(column=COLUMNS)
def test_every_value_arrives_or_is_left_out(through, column):
    require_same(*column, through(*column))


EXTREMES = {
    pa.bool_(): [True, False],
    pa.int32(): [-(2**31), 2**31 - 1],
    pa.int64(): [-(2**63), 2**63 - 1],
    pa.float64(): [math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1, 1.7976931348623157e308],
    pa.string(): ["", "NULL", 'a,"{}\\', "\\u0000", "\\\\u0000", "ä€😀", "\n\r\t\x01"],
    pa.binary(): [b"", b"\x00\xff", b"\\x00"],
    pa.date32(): [date.min, date.max, date(2024, 2, 29)],
    pa.time64("us"): [time.min, time.max],
    pa.timestamp("us"): [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)],  # noqa: DTZ001
    INSTANTS: [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)],
    pa.decimal128(12, 2): [Decimal("1.20"), Decimal("-9999999999.99")],
    pa.decimal128(38, 10): [Decimal("9" * 28 + ".0000000001")],
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", EXTREMES, ids=str)
def test_extremes_arrive_also_within_others(through, kind):
    extremes = [*EXTREMES[kind], None]
    both = pa.struct({"a": kind, "b": pa.list_(kind)})
    for outer, values in {
        kind: extremes,
        pa.list_(kind): [extremes, [], None],
        both: [*({"a": value, "b": [value]} for value in extremes), None],
        pa.map_(pa.string(), kind): [[(str(place), value) for place, value in enumerate(extremes)]],
    }.items():
        require_same(outer, values, through(outer, values))


def texts(through, kind, *values):
    """What Postgres has of values that are written in SQL, as its own text, by place."""
    rows = " UNION ALL ".join(
        f"SELECT {place}::BIGINT AS place, {value} AS x" for place, value in enumerate(values)
    )
    schema = ibis.schema({"place": "int64", "x": kind})
    return through.selected(schema, rows, read="x::text")


@pytest.mark.parametrize(
    ("kind", "values", "arrived"),
    [
        ("date", ["DATE '4714-11-23 (BC)'", "DATE '4714-11-24 (BC)'"], {1: "4714-11-24 BC"}),
        ("date", ["DATE '5874897-12-31'", "DATE '5874898-01-01'"], {0: "5874897-12-31"}),
        ("date", ["DATE 'infinity'", "DATE '-infinity'"], {0: "infinity", 1: "-infinity"}),
        (
            "timestamp('UTC', 6)",
            [
                "TIMESTAMPTZ '4714-11-24 (BC) 00:00:00+00' - INTERVAL 1 SECOND",
                "'-infinity'::TIMESTAMPTZ",
            ],
            {1: "-infinity"},
        ),
        (
            "timestamp(6)",
            ["TIMESTAMP '4714-11-24 (BC) 00:00:00'", "TIMESTAMP '294247-01-01'"],
            {0: "4714-11-24 00:00:00 BC", 1: "294247-01-01 00:00:00"},
        ),
        (
            "array<date>",
            ["[DATE '0044-03-15 (BC)', NULL]", "[DATE '5874898-01-01']"],
            {0: '{"0044-03-15 BC",NULL}'},
        ),
        (
            "array<timestamp(6)>",
            ["[TIMESTAMP '0044-03-15 (BC) 00:00:00', 'infinity']"],
            {0: '{"0044-03-15 00:00:00 BC",infinity}'},
        ),
        ("uuid", ["'9414ec01-5b00-456f-8ba3-b8b9d43da843'::UUID"], None),
        ("interval('s')", ["INTERVAL 1 DAY"], {0: "1 day"}),
    ],
)
def test_days_and_others_of_any_time(through, kind, values, arrived):
    _, found = texts(through, kind, *values)
    assert found == (arrived or {0: "9414ec01-5b00-456f-8ba3-b8b9d43da843"})


JSON = ['{"a": 1.10, "a": 2}', '"NaN"', '{"inf\\"": "nan"}', '[1e400, "\\u0000"]', "null"]


def test_json_arrives_as_its_text(through):
    kind, found = texts(through, "json", *(f"'{text}'::JSON" for text in JSON))
    assert (kind, found) == ("json", dict(enumerate(JSON)))


def test_what_is_no_json_elsewhere_is_left_out(through):
    values = ["'NaN'::JSON", "'[-Infinity]'::JSON", "'{\"nan\": inf}'::JSON", "'[1]'::JSON"]
    assert texts(through, "json", *values)[1] == {3: "[1]"}
