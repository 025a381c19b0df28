"""Hours of the week, and the ambulatory glucose profile."""

from datetime import timedelta

import numpy as np
import pytest
from traces import MIDNIGHT, build, entries, facts, only, over

from models.marts import mrt_glucose_agp, mrt_glucose_hourly_patterns

WAVE = [60 + (number * 37) % 250 for number in range(288 * 40)]


def test_an_hour_of_the_week(run_model):
    rows = build(
        run_model,
        mrt_glucose_hourly_patterns,
        entries([100, 110, 121, 150]),
        entries([200], start=MIDNIGHT + timedelta(days=7)),
    )
    (row,) = rows
    assert (row["hour_of_day"], row["day_of_week"], row["day_name"]) == (0, 5, "Friday")
    assert (row["reading_count"], row["days_observed"]) == (5, 2)
    assert row["avg_glucose"] == pytest.approx(136.2)
    assert row["median_glucose"] == 121
    assert (row["p25_glucose"], row["p75_glucose"]) == (110, 150)
    assert row["stddev_glucose"] == pytest.approx(np.std([100, 110, 121, 150, 200], ddof=1))
    assert row["percent_in_range"] == 80


@pytest.mark.parametrize(("age", "days"), [(29, 2), (30, 1)])
def test_patterns_are_of_30_days(run_model, age, days):
    rows = build(
        run_model,
        mrt_glucose_hourly_patterns,
        entries([100]),
        entries([100], start=MIDNIGHT - timedelta(days=age)),
    )
    assert len(rows) == days


def test_patterns_end_with_the_sites_own_newest_reading(run_model):
    rows = build(
        run_model,
        mrt_glucose_hourly_patterns,
        entries([100]),
        entries([100], start=MIDNIGHT - timedelta(days=300), site="bob"),
    )
    assert len(rows) == 2


@pytest.mark.long
def test_patterns_agree_with_numpy(run_model):
    readings = facts(run_model, entries(WAVE))
    rows = over(run_model, mrt_glucose_hourly_patterns, readings)
    assert len(rows) == 168
    newest = max(row["reading_date"] for row in readings)
    for row in rows[::17]:
        values = [
            each["glucose_mg_dl"]
            for each in readings
            if (newest - each["reading_date"]).days < 30
            and each["hour_of_day"] == row["hour_of_day"]
            and each["day_of_week"] == row["day_of_week"]
        ]
        assert row["reading_count"] == len(values)
        found = [row["p25_glucose"], row["median_glucose"], row["p75_glucose"]]
        assert found == pytest.approx(np.percentile(values, [25, 50, 75]).tolist())
        assert row["stddev_glucose"] == pytest.approx(np.std(values, ddof=1))


@pytest.mark.long
def test_a_quarter_of_an_hour(run_model):
    rows = build(run_model, mrt_glucose_agp, entries([100, 110, 120, 200]))
    assert [(row["minute_of_day"], row["reading_count"]) for row in rows] == [(0, 3), (15, 1)]
    assert rows[0]["p05"] == pytest.approx(101)
    assert rows[0]["p50"] == 110
    assert {rows[1][name] for name in ("p05", "p25", "p50", "p75", "p95")} == {200}


def test_quarters_are_local(run_model):
    (row,) = build(run_model, mrt_glucose_agp, entries([100], timezone="Asia/Kathmandu"))
    assert row["minute_of_day"] == 5 * 60 + 45


@pytest.mark.parametrize(("age", "count"), [(13, 2), (14, 1)])
def test_the_profile_is_of_14_days(run_model, age, count):
    rows = build(
        run_model,
        mrt_glucose_agp,
        entries([100]),
        entries([100], start=MIDNIGHT - timedelta(days=age)),
    )
    assert only(rows, minute_of_day=0)["reading_count"] == count


@pytest.mark.long
def test_the_profile_agrees_with_numpy(run_model):
    readings = facts(run_model, entries(WAVE))
    rows = over(run_model, mrt_glucose_agp, readings)
    assert len(rows) == 96
    newest = max(row["reading_date"] for row in readings)
    for row in rows[::7]:
        values = [
            each["glucose_mg_dl"]
            for each in readings
            if (newest - each["reading_date"]).days < 14
            and each["hour_of_day"] * 60 + each["local_timestamp"].minute // 15 * 15
            == row["minute_of_day"]
        ]
        found = [row[name] for name in ("p05", "p25", "p50", "p75", "p95")]
        assert found == pytest.approx(np.percentile(values, [5, 25, 50, 75, 95]).tolist())


@pytest.mark.parametrize("model", [mrt_glucose_agp, mrt_glucose_hourly_patterns])
def test_nothing_gives_nothing(run_model, model):
    assert run_model(model) == []
