"""Readings with local time, range and rate of change."""

from datetime import date, datetime, timedelta

import pytest
from traces import MIDNIGHT, entries, facts, only

from models.silver import fct_glucose_readings


def test_the_first_reading_has_no_change(run_model):
    (row,) = facts(run_model, entries([100]))
    assert row["glucose_change_mg_dl"] is None
    assert row["rate_mg_dl_per_minute"] is None
    assert row["minutes_since_last_reading"] is None


def test_change_and_rate(run_model):
    row = facts(run_model, entries([100, 110]))[1]
    assert row["glucose_change_mg_dl"] == 10
    assert row["minutes_since_last_reading"] == 5
    assert row["rate_mg_dl_per_minute"] == 2


def test_minutes_are_elapsed_time(run_model):
    row = facts(run_model, entries([100, 110], every=4.75))[1]
    assert row["minutes_since_last_reading"] == 4.75


def test_a_gap_of_15_minutes_is_none(run_model):
    assert facts(run_model, entries([100, 110], every=15))[1]["glucose_change_mg_dl"] == 10


def test_no_change_across_a_gap(run_model):
    row = facts(run_model, entries([100, 110], every=15.01))[1]
    assert row["glucose_change_mg_dl"] is None
    assert row["rate_mg_dl_per_minute"] is None
    assert row["minutes_since_last_reading"] == pytest.approx(15.01)


def test_after_more_than_a_day_a_reading_is_the_first(run_model):
    rows = facts(run_model, entries([100, 110, 120], every=1441), entries([90], site="bob"))
    assert {row["minutes_since_last_reading"] for row in rows} == {None}


def test_a_day_is_looked_back(run_model):
    row = facts(run_model, entries([100, 110], every=1440))[1]
    assert row["minutes_since_last_reading"] == 1440


def test_change_across_midnight_and_devices(run_model):
    rows = facts(
        run_model,
        entries([100], start=MIDNIGHT - timedelta(minutes=2), device="old"),
        entries([104], start=MIDNIGHT + timedelta(minutes=3), device="new"),
    )
    assert only(rows, device="new")["glucose_change_mg_dl"] == 4


def test_sites_do_not_mix(run_model):
    rows = facts(run_model, entries([100]), entries([110], start=MIDNIGHT, every=5, site="bob"))
    assert [row["glucose_change_mg_dl"] for row in rows] == [None, None]


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("glucose", "category", "band", "inside"),
    [
        (39, "hypoglycemia", "very_low", False),
        (53, "hypoglycemia", "very_low", False),
        (54, "hypoglycemia", "low", False),
        (69, "hypoglycemia", "low", False),
        (70, "in_range", "in_range", True),
        (180, "in_range", "in_range", True),
        (181, "hyperglycemia_mild", "high", False),
        (250, "hyperglycemia_mild", "high", False),
        (251, "hyperglycemia_severe", "very_high", False),
        (600, "hyperglycemia_severe", "very_high", False),
    ],
)
def test_ranges(run_model, glucose, category, band, inside):
    (row,) = facts(run_model, entries([glucose]))
    assert row["glucose_category"] == category
    assert row["range_band"] == band
    assert row["is_in_range"] is inside


def test_calendar_columns_are_local(run_model):
    late = datetime.fromisoformat("2024-03-17T23:30:00+00:00")  # a Sunday in UTC
    (row,) = facts(run_model, entries([100], start=late, timezone="Europe/Oslo"))
    assert row["local_timestamp"] == datetime(2024, 3, 18, 0, 30)  # noqa: DTZ001
    assert row["reading_date"] == date(2024, 3, 18)
    assert row["hour_of_day"] == 0
    assert (row["day_of_week"], row["day_name"]) == (1, "Monday")
    assert row["timezone"] == "Europe/Oslo"


def test_sunday_is_day_seven(run_model):
    sunday = datetime.fromisoformat("2024-03-17T12:00:00+00:00")
    (row,) = facts(run_model, entries([100], start=sunday))
    assert (row["day_of_week"], row["day_name"]) == (7, "Sunday")


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2024-03-31", [0, 2, 3]),  # 01:00 is skipped
        ("2024-10-27", [0, 1, 1, 2]),  # 01:00 comes twice
    ],
)
def test_hours_when_clocks_change(run_model, day, hours):
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00") - timedelta(
        hours=1 if day.startswith("2024-10") else 0
    )
    rows = facts(
        run_model,
        entries([100] * len(hours), start=start, every=60, timezone="Europe/London"),
    )
    assert [row["hour_of_day"] for row in rows] == hours


def test_sites_have_their_own_zone(run_model):
    rows = facts(
        run_model,
        entries([100], site="kiri", timezone="Pacific/Kiritimati"),
        entries([100], site="west", timezone="Etc/GMT+12"),
    )
    assert only(rows, site="kiri")["local_timestamp"] == datetime(2024, 3, 15, 14)  # noqa: DTZ001
    assert only(rows, site="west")["local_timestamp"] == datetime(2024, 3, 14, 12)  # noqa: DTZ001


def test_nothing_gives_nothing(run_model):
    assert run_model(fct_glucose_readings) == []


@pytest.mark.parametrize(("every", "rate"), [(1, None), (4, 2.5), (5, 2)])
def test_no_rate_across_less_than_three_minutes(run_model, every, rate):
    row = facts(run_model, entries([100, *[110] * 9], every=every))[1]
    assert row["rate_mg_dl_per_minute"] == pytest.approx(rate)
