"""The bundled recording of one person gives the published figures."""

import gzip
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv
from traces import only, over

from models.bronze import stg_glucose_entries
from models.gold import dim_date, mrt_glucose_readings
from models.marts import (
    mrt_glucose_overnight,
    mrt_glucose_overview,
    mrt_glucose_periods,
)
from models.silver import fct_glucose_readings

FILE = Path(__file__).parents[2] / "ingestion" / "data" / "t1d_uom" / "UoMGlucose2310.csv.gz"
MG_DL = 18.01559

pytestmark = pytest.mark.xdist_group("recording")


@pytest.fixture(scope="module")
def entries():
    with gzip.open(FILE) as file:
        table = csv.read_csv(
            file, convert_options=csv.ConvertOptions(timestamp_parsers=["%d/%m/%Y %H:%M"])
        )
    return pa.table(
        {
            "site": pa.repeat("demo", len(table)),
            "_id": pc.cast(pa.array(range(len(table))), pa.string()),
            "type": pa.repeat("sgv", len(table)),
            "sgv": pc.multiply(table["value"], MG_DL),
            "reading_timestamp": pc.cast(table["bg_ts"], pa.timestamp("us", "UTC")),
        }
    )


@pytest.fixture(scope="module")
def readings(run_model, entries):
    sites = [{"site": "demo", "timezone": "UTC"}]
    staged = run_model(stg_glucose_entries, glucose_entries=entries, sites=sites)
    return pa.Table.from_pylist(run_model(fct_glucose_readings, stg_glucose_entries=staged))


@pytest.fixture(scope="module")
def overview(run_model, readings):
    return over(run_model, mrt_glucose_overview, readings)


@pytest.fixture(scope="module")
def periods(run_model, readings):
    return over(run_model, mrt_glucose_periods, readings)


@pytest.mark.long
def test_all_of_it(periods):
    row = only(periods, period="all")
    assert row["reading_count"] == 50_108
    assert round(row["percent_active"], 1) == 98.0
    assert round(row["gmi"], 3) == 6.407
    assert round(row["cv_percent"], 2) == 28.59
    assert round(row["percent_in_range"], 2) == 89.26
    assert (row["hypo_episodes_level1"], row["hypo_episodes_level2"]) == (90, 4)


@pytest.mark.long
def test_one_day(overview):
    row = only(overview, reading_date=date(2024, 3, 15))
    assert row["total_readings"] == 288
    assert row["avg_glucose_mg_dl"] == pytest.approx(149.371527777)
    assert (row["min_glucose_mg_dl"], row["max_glucose_mg_dl"]) == (88, 211)
    assert row["percent_in_range"] == pytest.approx(88.194444444)


@pytest.mark.long
def test_days_hold_every_reading_and_every_episode(overview):
    assert sum(row["total_readings"] for row in overview) == 50_108
    assert sum(row["hypo_episodes"] for row in overview) == 90


@pytest.mark.long
def test_nights(readings, run_model):
    night = readings.filter(pc.less(readings["hour_of_day"], 6))["glucose_mg_dl"].to_numpy()
    assert round(100 * np.std(night, ddof=1) / np.mean(night), 2) == 21.19
    rows = over(run_model, mrt_glucose_overnight, readings)
    assert sum(row["reading_count"] for row in rows) == len(night)


@pytest.mark.long
def test_hours_hold_every_reading(readings, run_model):
    rows = over(run_model, mrt_glucose_readings, readings)
    assert sum(row["reading_count"] for row in rows) == 50_108


@pytest.mark.long
def test_dates(readings, run_model):
    rows = over(run_model, dim_date, readings)
    assert (rows[0]["date"], rows[-1]["date"]) == (date(2023, 10, 18), date(2024, 4, 12))
    assert len(rows) == 178


@pytest.mark.long
def test_two_phones_change_nothing_but_gaps(run_model, entries):
    """The same sensor seen again, two and a half minutes later."""
    stamps = pc.add(entries["reading_timestamp"], pa.scalar(150_000_000, pa.duration("us")))
    again = entries.set_column(4, "reading_timestamp", stamps)
    names = pc.binary_join_element_wise(entries["_id"], "again", "-")
    again = again.set_column(1, "_id", names)
    both = pa.concat_tables(
        [
            table.append_column("device", pa.repeat(device, len(table)))
            for table, device in ((entries, "phone"), (again, "bridge"))
        ]
    )
    staged = run_model(stg_glucose_entries, glucose_entries=both)
    kept = run_model(fct_glucose_readings, stg_glucose_entries=staged)
    assert 50_108 <= len(kept) <= 50_108 + 28  # after each of the gaps, one more
