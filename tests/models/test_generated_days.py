"""One trace of many documents, over days in which everything happens that real life has."""

import os
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from built_tables import BuiltTables
from generated_days import generated_day
from kept_properties import violations
from traces import dirty, inside
from travellers import resident
from witness.comparison import KEYS, differences
from witness.moments import Home, instant, utc
from witness.readings import Person, Reading
from witness.tables import Tables

from lakehouse.declare.specs import spec_of
from lakehouse.windows import Window, union
from models.silver import fct_glucose_readings

FEW, BATCH = 24, 200
DAYS = int(os.environ.get("GENERATED_DAYS", "424"))
"""Days of the long suite; ten thousand take some minutes."""
SHOWN = 40
ONCE_WRONG = (
    *(243, 806, 904, 1579, 647, 1420, 1580, 1729, 1897, 764, 1721, 1713, 1038, 1233, 769, 921),
    *(1924, 1926, 900, 966, 304, 381, 899, 1113, 1170, 1468, 2543, 2915, 3081, 3662, 3699, 3998),
    *(1438, 3422, 5330, 6110, 6494, 7941, 8596, 9309),
)
"""Days of each kind that was hard to tell."""
DAY = timedelta(days=1)
HOMES = [
    *map(Home, ["UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe"]),
    Home("Asia/Kathmandu", ((date(2024, 3, 15), "America/New_York"),)),
    Home("Australia/Sydney", ((date(2024, 3, 16), "America/Los_Angeles"),)),
    Home("America/Los_Angeles", ((date(2024, 3, 16), "Australia/Sydney"),)),
]
UTC_DAYS = [datetime(2024, 3, day, tzinfo=UTC) for day in (14, 15, 16)]


def batches(days):
    """A few days in the quick suite, and all of them in the long one."""
    first = [range(FEW)]
    more = [
        pytest.param(range(start, start + BATCH), marks=pytest.mark.long)
        for start in range(FEW, days, BATCH)
    ]
    return pytest.mark.parametrize("seeds", first + more, ids=lambda seeds: f"from-{seeds[0]}")


@lru_cache(maxsize=1)
def generated(seeds):
    return [generated_day(seed) for seed in seeds]


def trace(stg_glucose_entries):
    """The columns that tell which documents are kept."""
    kept = fct_glucose_readings(stg_glucose_entries)
    return kept.select("site", "reading_timestamp", "entry_id", "glucose_mg_dl", "device")


def staged(uploads, homes=None):
    """Staged rows of documents by site, in UTC or at these homes by site."""
    rows = [(site, reading) for site, readings in uploads.items() for reading in readings]
    return pa.table(
        {
            "site": [site for site, _ in rows],
            "entry_id": [reading.entry_id for _, reading in rows],
            "reading_timestamp": pa.array(
                [reading.at for _, reading in rows], pa.timestamp("us", "UTC")
            ),
            "timezone": [
                homes[site].zone_at(reading.at) if homes else "UTC" for site, reading in rows
            ],
            "glucose_mg_dl": [reading.glucose for _, reading in rows],
            "device": pa.array([reading.device for _, reading in rows], pa.string()),
        }
    )


def kept(run_model, uploads):
    """Kept readings by site."""
    rows = run_model(trace, stg_glucose_entries=staged(uploads))
    return {
        site: [
            Reading(
                instant(row["reading_timestamp"]),
                row["glucose_mg_dl"],
                row["entry_id"],
                row["device"],
            )
            for row in found
        ]
        for site, found in groupby(rows, key=lambda row: row["site"])
    }


@pytest.mark.long
@batches(DAYS)
def test_one_trace_of_many_documents(run_model, seeds):
    assert not wrong(run_model, generated(seeds))


@pytest.mark.long
def test_one_trace_on_days_that_were_once_wrong(run_model):
    assert not wrong(run_model, generated(ONCE_WRONG))


def wrong(run_model, days):
    """What does not hold of the kept readings of days, in words."""
    found = kept(run_model, {day.site: day.present for day in days})
    told = [line for day in days for line in violations(day, found.get(day.site, []))]
    return "\n".join(["", f"{len(told)} violations", *told[:SHOWN]]) if told else ""


def documents(readings):
    """What can be told of readings without their entry ids, which go by arrival."""
    return [(reading.at, reading.glucose, reading.device) for reading in readings]


@pytest.mark.long
@batches(DAYS // 5)
def test_the_order_of_arrival_does_not_matter(run_model, seeds):
    days = generated(seeds)
    orders = [{day.site: day.present for day in days}, {}]
    for day, seed in zip(days, seeds, strict=True):
        shuffled = Random(seed).sample(day.present, len(day.present))
        orders[1][day.site] = [
            reading._replace(entry_id=f"{place:05}") for place, reading in enumerate(shuffled)
        ]
    one, other = (kept(run_model, uploads) for uploads in orders)
    differing = [site for site in one if documents(one[site]) != documents(other[site])]
    assert not differing


def cut(table, window):
    """The rows of a table whose reading is in a window."""
    at = table["reading_timestamp"]
    return table.filter(pc.and_(pc.greater_equal(at, window.start), pc.less(at, window.end)))


def by_windows(run_model, table, windows):
    """The trace of windows, from documents cut as an engine cuts them."""
    kind = spec_of(fct_glucose_readings).kind
    rows = []
    for window in windows:
        inputs = cut(table, window.widen(kind.before, kind.after))
        rows += inside(run_model(trace, stg_glucose_entries=inputs), "reading_timestamp", window)
    return rows


def ordered(rows):
    return sorted(rows, key=lambda row: (row["site"], row["reading_timestamp"], row["entry_id"]))


@pytest.mark.long
@batches(DAYS // 5)
def test_a_trace_that_is_built_by_windows_is_the_whole(run_model, seeds):
    table = staged({day.site: day.present for day in generated(seeds)})
    windows = [Window(start, start + DAY) for start in UTC_DAYS]
    rows = by_windows(run_model, table, windows)
    assert ordered(rows) == run_model(trace, stg_glucose_entries=table)


@pytest.mark.long
@batches(DAYS // 5)
def test_deleted_documents_leave_the_trace(run_model, seeds):
    days = generated(seeds)
    start = UTC_DAYS[seeds[0] % len(UTC_DAYS)]
    changed = Window(start, start + DAY)
    before = {day.site: day.arrived for day in days}
    after = {
        day.site: [
            reading
            for reading in day.arrived
            if not (reading.entry_id in day.deleted and start <= utc(reading.at) < start + DAY)
        ]
        for day in days
    }
    dirty_windows = union(dirty(fct_glucose_readings, [changed]))
    left = [
        row
        for row in run_model(trace, stg_glucose_entries=staged(before))
        if not any(w.start <= row["reading_timestamp"] < w.end for w in dirty_windows)
    ]
    built = by_windows(run_model, staged(after), dirty_windows)
    assert ordered(left + built) == run_model(trace, stg_glucose_entries=staged(after))


@pytest.mark.long
@batches(DAYS // 10)
def test_every_figure_of_a_generated_day_is_what_plain_python_computes(run_model, seeds):
    days = generated(seeds)
    homes = {day.site: HOMES[number % len(HOMES)] for number, day in enumerate(days)}
    documents = {day.site: {reading.entry_id: reading for reading in day.present} for day in days}
    entries = staged({day.site: day.present for day in days}, homes)
    rows = run_model(fct_glucose_readings, stg_glucose_entries=entries)
    people = [
        Tables(
            Person(site, homes[site], sorted(documents[site][row["entry_id"]] for row in found)),
            [*documents[site].values()],
        )
        for site, found in groupby(rows, key=lambda row: row["site"])
    ]
    sites = [resident(*home) for home in homes.items()]
    built = BuiltTables(run_model, rows, sites, entries.to_pylist())
    told = [
        line
        for table in KEYS
        for line in differences(
            table, built[table], [row for person in people for row in getattr(person, table)()]
        )
    ]
    assert not told, "\n".join(["", *told[:SHOWN]])
