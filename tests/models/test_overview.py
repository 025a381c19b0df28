"""Days: summary, coverage, status."""

from datetime import date, datetime, timedelta

import pytest
from traces import MIDNIGHT, NOON, build, entries, only

from models.marts import mrt_glucose_overview


def day(run_model, *traces):
    (row,) = build(run_model, mrt_glucose_overview, *traces)
    return row


def test_a_day(run_model):
    row = day(run_model, entries([50, 60, 100, 140, 141, 180, 181, 251]))
    assert row["reading_date"] == date(2024, 3, 15)
    assert row["total_readings"] == 8
    assert row["avg_glucose_mg_dl"] == 1103 / 8
    assert (row["min_glucose_mg_dl"], row["max_glucose_mg_dl"]) == (50, 251)
    assert row["percent_in_range"] == 50
    assert row["percent_in_tight_range"] == 25
    assert row["percent_below_54"] == 12.5
    assert row["percent_below_70"] == 25
    assert row["percent_above_180"] == 25
    assert row["percent_above_250"] == 12.5


def test_deviation_is_the_samples(run_model):
    row = day(run_model, entries([100, 110, 120]))
    assert row["stddev_glucose"] == pytest.approx(10)
    assert row["cv_percent"] == pytest.approx(100 / 11)


def test_one_reading_has_no_deviation(run_model):
    row = day(run_model, entries([100]))
    assert row["stddev_glucose"] is None
    assert row["cv_percent"] is None
    assert row["avg_glucose_mg_dl"] == 100


def test_equal_readings_do_not_deviate(run_model):
    assert day(run_model, entries([103] * 7))["stddev_glucose"] == 0


@pytest.mark.parametrize(
    ("count", "every", "percent"),
    [(288, 5, 100), (144, 5, 50), (1440, 1, 100), (96, 15, 100), (48, 15, 50), (1, 5, 100 / 288)],
)
def test_coverage_is_at_the_sensors_cadence(run_model, count, every, percent):
    row = day(run_model, entries([100] * count, every=every))
    assert row["coverage_percent"] == pytest.approx(percent)


def test_coverage_forgives_missing_readings_their_gap(run_model):
    row = day(run_model, entries([100, None, 100, 100] * 72))
    assert row["coverage_percent"] == pytest.approx(75)


def test_coverage_ends_at_100(run_model):
    assert day(run_model, entries([100] * 300, every=4.79))["coverage_percent"] == 100


@pytest.mark.parametrize(
    ("midnight", "readings"),
    [("2024-03-31T00:00+00:00", 276), ("2024-10-26T23:00+00:00", 300)],
)
def test_a_day_has_as_many_readings_as_its_hours(run_model, midnight, readings):
    start = datetime.fromisoformat(midnight)
    row = day(run_model, entries([100] * readings, start=start, timezone="Europe/London"))
    assert row["total_readings"] == readings
    assert row["coverage_percent"] == 100
    less = day(run_model, entries([100] * (readings - 3), start=start, timezone="Europe/London"))
    assert less["coverage_percent"] == pytest.approx(100 * (readings - 3) / readings)


def test_days_are_local(run_model):
    start = MIDNIGHT - timedelta(hours=14)
    row = day(run_model, entries([100] * 288, start=start, timezone="Pacific/Kiritimati"))
    assert row["reading_date"] == date(2024, 3, 15)


LOW, HIGH = 60, 260


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("trace", "status", "reasons"),
    [
        (entries([100] * 9), "OK", ""),
        (entries([100, LOW, LOW, LOW, 100]), "OK", ""),
        (entries([100, *[LOW] * 4, 100]), "CRITICAL", "more than 15 minutes below 70 mg/dL"),
        (entries([100, *[LOW] * 15, 100], every=1), "OK", ""),
        (
            entries([100, *[LOW] * 16, 100], every=1),
            "CRITICAL",
            "more than 15 minutes below 70 mg/dL",
        ),
        (entries([100, LOW, 100, 100], every=15), "OK", ""),
        (
            entries([100, LOW, LOW, 100], every=15),
            "CRITICAL",
            "more than 15 minutes below 70 mg/dL",
        ),
        (entries([100, *[HIGH] * 5, 100]), "OK", ""),
        (entries([100, *[HIGH] * 6, 100]), "ALERT", "more than 25 minutes above 250 mg/dL"),
        (
            entries([*[HIGH] * 6, *[LOW] * 4]),
            "CRITICAL",
            "more than 15 minutes below 70 mg/dL; more than 25 minutes above 250 mg/dL",
        ),
        (entries([100, LOW, LOW, LOW, None, None, None, 100]), "OK", ""),
        (entries([LOW, LOW, LOW, 100]), "OK", ""),
    ],
)
def test_status(run_model, trace, status, reasons):
    row = day(run_model, trace)
    assert (row["day_status"], row["status_reasons"]) == (status, reasons)


def test_a_gap_is_not_time_below(run_model):
    assert day(run_model, entries([100, 100, 100, *[None] * 50, LOW]))["day_status"] == "OK"


def test_duplicates_do_not_make_minutes(run_model):
    trace = entries([100, LOW, LOW, LOW, 100])
    again = entries([100, LOW, LOW, LOW, 100], start=MIDNIGHT + timedelta(seconds=3), device="b")
    assert day(run_model, trace, again)["day_status"] == "OK"


def test_episodes_count_on_the_day_they_start(run_model):
    rows = build(
        run_model,
        mrt_glucose_overview,
        entries([100, *[LOW] * 9, 100, 100, 100], start=MIDNIGHT - timedelta(minutes=20)),
    )
    assert [row["hypo_episodes"] for row in rows] == [1, 0]


def test_a_day_without_episodes_has_none(run_model):
    assert day(run_model, entries([100] * 5))["hypo_episodes"] == 0


def test_sites_are_apart(run_model):
    rows = build(
        run_model,
        mrt_glucose_overview,
        entries([LOW] * 5, start=NOON),
        entries([100] * 5, start=NOON, site="bob"),
    )
    assert only(rows, site="anna")["hypo_episodes"] == 1
    assert only(rows, site="bob")["hypo_episodes"] == 0


def test_nothing_gives_nothing(run_model):
    assert run_model(mrt_glucose_overview) == []
