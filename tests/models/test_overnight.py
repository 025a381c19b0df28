"""Nights, from local midnight to six."""

from datetime import date, datetime, timedelta

import pytest
from traces import MIDNIGHT, build, entries

from models.marts import mrt_glucose_overnight


def night(run_model, *traces):
    (row,) = build(run_model, mrt_glucose_overnight, *traces)
    return row


@pytest.mark.long
def test_a_night_ends_at_six(run_model):
    row = night(run_model, entries([100] * 72 + [300] * 10))
    assert row["reading_date"] == date(2024, 3, 15)
    assert row["reading_count"] == 72
    assert row["coverage_percent"] == 100
    assert row["max_glucose"] == 100


@pytest.mark.long
def test_what_is_told_of_a_night(run_model):
    row = night(run_model, entries([50, 60, 100, 190]))
    assert row["avg_glucose"] == 100
    assert row["stddev_glucose"] == pytest.approx(63.7704)
    assert row["cv_percent"] == pytest.approx(63.7704)
    assert (row["min_glucose"], row["max_glucose"]) == (50, 190)
    assert row["percent_in_range"] == 25
    assert row["percent_below_70"] == 50
    assert row["percent_below_54"] == 25


@pytest.mark.long
def test_the_evening_is_no_night(run_model):
    assert (
        build(run_model, mrt_glucose_overnight, entries([100], MIDNIGHT - timedelta(hours=1))) == []
    )


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("values", "stable"),
    [
        ([100] * 72, True),
        ([100] * 51, True),
        ([100] * 50, False),  # 69 % covered
        ([100] * 71 + [69], False),
        ([100] * 71 + [70], True),
        ([70, 300] * 36, False),
        ([100], False),
    ],
)
def test_stable(run_model, values, stable):
    assert night(run_model, entries(values))["is_stable"] is stable


@pytest.mark.parametrize(
    ("midnight", "readings"),
    [("2024-03-31T00:00+00:00", 60), ("2024-10-26T23:00+00:00", 84)],
)
def test_nights_of_five_and_seven_hours(run_model, midnight, readings):
    start = datetime.fromisoformat(midnight)
    row = night(run_model, entries([100] * 100, start=start, timezone="Europe/London"))
    assert row["reading_count"] == readings
    assert row["coverage_percent"] == 100


@pytest.mark.long
def test_episodes_of_the_night_alone(run_model):
    low = [60] * 3 + [100] * 3
    morning = MIDNIGHT + timedelta(hours=7)
    row = night(run_model, entries(low * 2), entries(low, start=morning))
    assert row["hypo_episodes"] == 2


def test_nothing_gives_nothing(run_model):
    assert run_model(mrt_glucose_overnight) == []
