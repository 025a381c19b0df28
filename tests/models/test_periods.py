"""Periods that end with the newest reading."""

from datetime import date, timedelta
from random import Random

import numpy as np
import pytest
from traces import MIDNIGHT, build, entries, facts, only, over

from models.marts import mrt_glucose_periods

NAMES = ["all", "last_14_days", "last_30_days", "last_7_days", "last_90_days", "last_day"]
LENGTH = {"last_day": 1, "last_7_days": 7, "last_14_days": 14, "last_30_days": 30}


def periods(run_model, *traces):
    return build(run_model, mrt_glucose_periods, *traces)


def last_day(run_model, values, **options):
    return only(periods(run_model, entries(values, **options)), period="last_day")


def wave(days, seed=1):
    """A restless trace, in which every value of every band occurs."""
    chance = Random(seed)
    level, values = 120, []
    for _ in range(288 * days):
        level = min(max(level + chance.randint(-20, 20), 40), 320)
        values.append(level)
    return values


@pytest.mark.long
def test_every_site_has_every_period(run_model):
    rows = periods(run_model, entries([100]), entries([100], site="bob"))
    assert [(row["site"], row["period"]) for row in rows] == [
        (site, name) for site in ("anna", "bob") for name in NAMES
    ]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("last_day", 1),
        ("last_7_days", 7),
        ("last_14_days", 14),
        ("last_30_days", 30),
        ("last_90_days", 90),
        ("all", 100),
    ],
)
def test_periods_are_local_days(run_model, name, days):
    rows = periods(run_model, entries([100] * 100, every=1440, timezone="Asia/Tokyo"))
    row = only(rows, period=name)
    assert row["reading_count"] == days
    assert row["last_date"] - row["first_date"] == timedelta(days=days - 1)


@pytest.mark.long
def test_periods_end_with_the_sites_own_newest_reading(run_model):
    rows = periods(
        run_model,
        entries([100]),
        entries([100], start=MIDNIGHT - timedelta(days=300), site="bob"),
    )
    assert only(rows, site="bob", period="last_day")["last_date"] == date(2023, 5, 20)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("values", "every", "active", "sufficient"),
    [
        ([100] * 100, 5, 100, True),
        ([100] * 100, 1, 100, True),
        ([100, None, 100, 100, 100] * 20, 5, 80, True),
        ([*[100] * 20, *[None] * 10] * 3, 5, 100 * 60 / 80, True),
        ([*[100] * 6, *[None] * 10] * 3, 5, 100 * 18 / 38, False),
        ([100], 5, 100, True),
    ],
)
def test_active(run_model, values, every, active, sufficient):
    row = last_day(run_model, values, every=every)
    assert row["percent_active"] == pytest.approx(active)
    assert row["is_sufficient"] is sufficient


@pytest.mark.long
def test_one_reading_has_no_deviation(run_model):
    row = last_day(run_model, [100])
    assert [row[name] for name in ("stddev_glucose", "cv_percent", "j_index", "modd")] == [None] * 4
    assert row["avg_glucose"] == row["p05"] == row["p95"] == 100


@pytest.mark.long
@pytest.mark.parametrize("mean", [100, 154])
def test_gmi_and_ea1c(run_model, mean):
    row = last_day(run_model, [mean - 10, mean + 10])
    assert row["gmi"] == pytest.approx(3.31 + 0.02392 * mean)
    assert row["ea1c"] == pytest.approx((mean + 46.7) / 28.7)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("values", "gri", "zone"),
    [
        ([100] * 10, 0, "A"),
        ([100] * 9 + [50], 30, "B"),
        ([100] * 9 + [60], 24, "B"),
        ([100] * 9 + [260], 16, "A"),
        ([100] * 9 + [200], 8, "A"),
        ([100] * 5 + [50, 60, 200, 260, 260], 94, "E"),
        ([100] * 3 + [200], 20, "A"),
        ([100, 200], 40, "B"),
        ([200] * 3 + [100], 60, "C"),
        ([200] * 9, 80, "D"),
        ([50] * 9, 100, "E"),
    ],
)
def test_gri(run_model, values, gri, zone):
    row = last_day(run_model, values)
    assert row["gri"] == pytest.approx(gri)
    assert row["gri_zone"] == zone


@pytest.mark.long
def test_risk_of_112_5_is_nothing(run_model):
    row = last_day(run_model, [112, 113])
    assert row["lbgi"] < 0.001
    assert row["hbgi"] < 0.001


def risks(values):
    scaled = 1.509 * (np.log(values) ** 1.084 - 5.381)
    return (
        np.mean(10 * np.minimum(scaled, 0) ** 2),
        np.mean(10 * np.maximum(scaled, 0) ** 2),
    )


@pytest.mark.long
def test_one_risk_at_a_time(run_model):
    low, high = last_day(run_model, [50] * 3), last_day(run_model, [300] * 3)
    assert (low["hbgi"], high["lbgi"]) == (0, 0)
    assert low["lbgi"] == pytest.approx(22.50, abs=0.01)
    assert high["hbgi"] == pytest.approx(33.95, abs=0.01)


@pytest.mark.long
@pytest.mark.parametrize("name", [*LENGTH, "all"])
def test_metrics_agree_with_numpy(run_model, name):
    readings = facts(run_model, entries(wave(40)))
    rows = over(run_model, mrt_glucose_periods, readings)
    row = only(rows, period=name)
    newest = max(each["reading_date"] for each in readings)
    values = np.array(
        [
            each["glucose_mg_dl"]
            for each in readings
            if (newest - each["reading_date"]).days < LENGTH.get(name, 999)
        ],
        dtype=float,
    )
    mean, sd = values.mean(), values.std(ddof=1)
    low, high = risks(values)
    expected = {
        "reading_count": len(values),
        "avg_glucose": mean,
        "stddev_glucose": sd,
        "cv_percent": 100 * sd / mean,
        "j_index": 0.001 * (mean + sd) ** 2,
        "percent_in_range": 100 * ((values >= 70) & (values <= 180)).mean(),
        "percent_in_tight_range": 100 * ((values >= 70) & (values <= 140)).mean(),
        "percent_below_54": 100 * (values < 54).mean(),
        "percent_below_70": 100 * (values < 70).mean(),
        "percent_above_180": 100 * (values > 180).mean(),
        "percent_above_250": 100 * (values > 250).mean(),
        "lbgi": low,
        "hbgi": high,
        **{f"p{q:02}": np.percentile(values, q) for q in (5, 25, 50, 75, 95)},
    }
    assert {metric: row[metric] for metric in expected} == pytest.approx(expected, rel=1e-9)
    if name != "last_day":
        difference = np.abs(values[288:] - values[:-288]).mean()
        assert row["modd"] == pytest.approx(difference, rel=1e-9)


@pytest.mark.long
def test_modd_needs_the_same_time_of_the_next_day(run_model):
    rows = periods(
        run_model,
        entries([100, 100, 100]),
        entries([110, 130], start=MIDNIGHT + timedelta(days=1)),
    )
    assert only(rows, period="all")["modd"] == 20
    assert only(rows, period="last_day")["modd"] is None


def test_episodes_of_a_period(run_model):
    low = [60] * 3 + [100] * 3
    very_low = [50] * 3 + [100] * 3
    rows = periods(
        run_model,
        entries(low + very_low),
        entries(low, start=MIDNIGHT + timedelta(days=10)),
        entries([100] * 9, site="bob"),
    )
    counts = {
        (row["site"], row["period"]): (row["hypo_episodes_level1"], row["hypo_episodes_level2"])
        for row in rows
    }
    assert counts["anna", "last_day"] == counts["anna", "last_7_days"] == (1, 0)
    assert counts["anna", "last_14_days"] == counts["anna", "all"] == (3, 1)
    assert counts["bob", "all"] == (0, 0)


def test_nothing_gives_nothing(run_model):
    assert run_model(mrt_glucose_periods) == []
