"""The portable expressions, against the standard library and numpy."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pyarrow as pa
import pytest
from traces import MIDNIGHT

from lakehouse.engines.duckdb import connect
from lakehouse.expressions import (
    add_days,
    elapsed_seconds,
    from_seconds,
    iso_day_of_week,
    iso_text,
    microseconds,
    quantiles,
    to_instant,
    to_local,
    utc_midnight,
    with_instants,
    with_local,
)

ZONES = [
    "UTC",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
    "Asia/Kathmandu",
    "America/Havana",  # skips and repeats midnight
    "Atlantic/Azores",
    "Africa/Cairo",
    "Asia/Beirut",
    "America/Sao_Paulo",
]


@pytest.fixture(scope="module")
def con():
    return ibis.duckdb.from_connection(connect(extensions=("icu",)).connection)


def memtable(columns):
    return ibis.memtable(pa.table(columns))


def column(con, values, build, kind):
    """What `build` makes of a column of values."""
    table = memtable({"at": range(len(values)), "value": values}).mutate(
        value=ibis._.value.cast(kind)
    )
    found = table.select("at", found=build(table)).order_by("at")
    return con.to_pyarrow(found)["found"].to_pylist()


HOURS = [datetime(2018, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(17520)]


@pytest.mark.sample(2)
@pytest.mark.parametrize("zone", ZONES)
def test_to_local(con, zone):
    found = column(con, HOURS, lambda t: to_local(t.value, zone), "timestamp('UTC', 6)")
    assert found == [at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in HOURS]


@pytest.mark.sample(2)
@pytest.mark.parametrize("zone", ZONES)
def test_with_local_is_the_same(con, zone):
    table = memtable({"at": HOURS, "zone": [zone] * len(HOURS)})
    table = table.mutate(at=table["at"].cast("timestamp('UTC', 6)"))
    told = with_local(table, "local", instant="at", zone="zone")
    rows = con.to_pyarrow(told.order_by("at")).to_pylist()
    assert list(rows[0]) == ["at", "zone", "local"]
    assert [row["local"] for row in rows] == [
        at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in HOURS
    ]


@pytest.mark.sample(2)
@pytest.mark.parametrize("zone", ZONES)
def test_to_instant_is_the_first_that_shows_it(con, zone):
    walls = [at.replace(tzinfo=None) for at in HOURS]
    found = column(con, walls, lambda t: to_instant(t.value, zone), "timestamp(6)")
    assert found == [wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC) for wall in walls]


@pytest.mark.sample(0, long=4)
@pytest.mark.parametrize("zone", ZONES)
def test_with_instants_is_the_same(con, zone):
    walls = [at.replace(tzinfo=None) for at in HOURS]
    table = memtable({"place": range(len(walls)), "wall": walls, "zone": [zone] * len(walls)})
    table = table.mutate(later=table.wall + ibis.interval(hours=6))
    told = with_instants(table, zone="zone", start="wall", end="later")
    assert told.columns == (*table.columns, "start", "end")
    for row in con.to_pyarrow(told).to_pylist():
        for name, wall in (("start", row["wall"]), ("end", row["later"])):
            assert row[name] == wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def test_microseconds_are_exact(con):
    values = [MIDNIGHT + timedelta(microseconds=n) for n in (0, 1, 999_999)]
    found = column(con, values, lambda t: microseconds(t.value), "timestamp('UTC', 6)")
    assert np.diff(found).tolist() == [1, 999_998]
    assert found[0] == MIDNIGHT.timestamp() * 1e6


def test_from_seconds(con):
    found = column(con, [0, 1_710_460_800], lambda t: from_seconds(t.value), "int64")
    assert found == [datetime(1970, 1, 1, tzinfo=UTC), MIDNIGHT]


def test_utc_midnight(con):
    days = [date(1970, 1, 1), MIDNIGHT.date(), date(9999, 12, 31)]
    found = column(con, days, lambda t: utc_midnight(t.value), "date")
    assert found == [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]


def test_elapsed_seconds(con):
    later = MIDNIGHT + timedelta(seconds=59.5)
    found = column(
        con,
        [later],
        lambda t: elapsed_seconds(ibis.literal(MIDNIGHT).cast("timestamp('UTC', 6)"), t.value),
        "timestamp('UTC', 6)",
    )
    assert found == [59.5]


def test_add_days(con):
    found = column(
        con, [0, 1, 366, -1], lambda t: add_days(ibis.date(2024, 2, 28), t.value), "int64"
    )
    assert found == [date(2024, 2, 28), date(2024, 2, 29), date(2025, 2, 28), date(2024, 2, 27)]
    assert column(con, [date(2024, 2, 28)], lambda t: add_days(t.value, 2), "date") == [
        date(2024, 3, 1)
    ]


def test_iso_day_of_week(con):
    days = [date(2024, 3, 11) + timedelta(days=n) for n in range(8)]
    found = column(con, days, lambda t: iso_day_of_week(t.value), "date")
    assert found == [1, 2, 3, 4, 5, 6, 7, 1]


def test_iso_text(con):
    values = [MIDNIGHT, MIDNIGHT + timedelta(milliseconds=7)]
    found = column(con, values, lambda t: iso_text(t.value), "timestamp('UTC', 6)")
    assert found == ["2024-03-15T00:00:00.000Z", "2024-03-15T00:00:00.007Z"]


SHARES = {"low": 0.05, "quarter": 0.25, "half": 0.5, "high": 0.95, "least": 0.0, "most": 1.0}


@pytest.mark.parametrize("count", [1, 2, 3, 10, 997])
def test_quantiles_agree_with_numpy(con, count):
    values = np.random.default_rng(count).integers(39, 400, count)
    table = memtable({"key": ["a"] * count, "value": values})
    row = con.to_pyarrow(quantiles(table, by=["key"], value="value", at=SHARES)).to_pylist()[0]
    expected = {name: np.quantile(values, share) for name, share in SHARES.items()}
    assert {name: row[name] for name in SHARES} == pytest.approx(expected)


def test_quantiles_of_counted_values(con):
    table = memtable({"key": ["a", "a"], "value": [1.5, 4.0], "times": [3, 1]})
    found = quantiles(table, by=["key"], value="value", at=SHARES, times="times")
    row = con.to_pyarrow(found).to_pylist()[0]
    expected = {name: np.quantile([1.5] * 3 + [4.0], share) for name, share in SHARES.items()}
    assert {name: row[name] for name in SHARES} == pytest.approx(expected)


def test_quantiles_of_values_that_come_in_several_rows(con):
    table = memtable({"key": ["a"] * 4, "value": [4.0, 1.5, 4.0, 1.5], "times": [1, 2, 2, 1]})
    found = quantiles(table, by=["key"], value="value", at=SHARES, times="times")
    row = con.to_pyarrow(found).to_pylist()[0]
    expected = {name: np.quantile([1.5, 4.0] * 3, share) for name, share in SHARES.items()}
    assert {name: row[name] for name in SHARES} == pytest.approx(expected)


def test_other_aggregates_beside_quantiles_are_of_the_rows_that_count(con):
    table = memtable({"key": ["a", "a", "a"], "value": [1, None, 5]})
    found = quantiles(
        table,
        by=["key"],
        value="value",
        at={"half": 0.5},
        beside=lambda rows: {"rows": rows.count(), "most": rows.value.max()},
    )
    assert con.to_pyarrow(found).to_pylist() == [{"key": "a", "rows": 2, "most": 5, "half": 3}]


def test_quantiles_skip_nulls(con):
    table = memtable({"key": ["a", "a", "b"], "value": [1, None, 5]})
    found = quantiles(table, by=["key"], value="value", at={"half": 0.5}).order_by("key")
    assert con.to_pyarrow(found)["half"].to_pylist() == [1, 5]
