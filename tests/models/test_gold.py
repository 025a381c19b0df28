"""The calendar, and readings by the hour."""

from datetime import date, datetime, timedelta

import pytest
from traces import MIDNIGHT, build, entries, only

from models.gold import dim_date, mrt_glucose_readings


def test_dates_without_readings_are_there(run_model):
    rows = build(run_model, dim_date, entries([100, 100], every=3 * 1440))
    assert [row["date"] for row in rows] == [date(2024, 3, day) for day in (15, 16, 17, 18)]


def test_dates_are_the_sites_own(run_model):
    rows = build(
        run_model,
        dim_date,
        entries(
            [100], site="kiri", start=MIDNIGHT - timedelta(hours=1), timezone="Pacific/Kiritimati"
        ),
        entries([100], site="west", timezone="Etc/GMT+12"),
    )
    assert [(row["site"], row["date"].day) for row in rows] == [("kiri", 15), ("west", 14)]


def test_years_of_dates(run_model):
    rows = build(run_model, dim_date, entries([100, 100], every=5000 * 1440))
    assert len(rows) == 5001
    assert len({row["date"] for row in rows}) == 5001


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (
            "2024-03-15",
            {
                "year": 2024,
                "quarter": 1,
                "month": 3,
                "month_name": "March",
                "iso_year": 2024,
                "iso_week": 11,
                "day_of_month": 15,
                "day_of_week": 5,
                "day_name": "Friday",
                "is_weekend": False,
            },
        ),
        ("2027-01-01", {"year": 2027, "iso_year": 2026, "iso_week": 53, "quarter": 1}),
        ("2024-12-30", {"year": 2024, "iso_year": 2025, "iso_week": 1, "quarter": 4}),
        ("2024-03-16", {"day_of_week": 6, "is_weekend": True, "day_name": "Saturday"}),
        ("2024-03-17", {"day_of_week": 7, "is_weekend": True}),
    ],
)
def test_what_a_date_is(run_model, day, expected):
    start = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    (row,) = build(run_model, dim_date, entries([100], start=start))
    assert {name: row[name] for name in expected} == expected


def test_an_hour(run_model):
    (row,) = build(run_model, mrt_glucose_readings, entries([60, 100, 150, 181, 251]))
    assert (row["reading_date"], row["hour_of_day"]) == (date(2024, 3, 15), 0)
    assert row["reading_count"] == 5
    assert row["avg_glucose"] == pytest.approx(148.4)
    assert (row["min_glucose"], row["max_glucose"]) == (60, 251)
    assert row["percent_in_range"] == 40
    assert row["hypoglycemia_count"] == 1
    assert row["in_range_count"] == 2
    assert row["hyperglycemia_mild_count"] == 1
    assert row["hyperglycemia_severe_count"] == 1


def test_hours_are_local(run_model):
    (row,) = build(run_model, mrt_glucose_readings, entries([100], timezone="America/New_York"))
    assert (row["reading_date"], row["hour_of_day"]) == (date(2024, 3, 14), 20)


def test_an_hour_that_comes_twice_is_one(run_model):
    autumn = datetime.fromisoformat("2024-10-27T00:00:00+00:00")
    rows = build(
        run_model,
        mrt_glucose_readings,
        entries([100] * 24, start=autumn, timezone="Europe/London"),
    )
    assert only(rows, hour_of_day=1)["reading_count"] == 24


@pytest.mark.parametrize("model", [dim_date, mrt_glucose_readings])
def test_nothing_gives_nothing(run_model, model):
    assert run_model(model) == []
