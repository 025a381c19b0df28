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


@pytest.mark.long
def test_deviation_is_the_samples(run_model):
    row = day(run_model, entries([100, 110, 120]))
    assert row["stddev_glucose"] == pytest.approx(10)
    assert row["cv_percent"] == pytest.approx(100 / 11)


@pytest.mark.long
def test_one_reading_has_no_deviation(run_model):
    row = day(run_model, entries([100]))
    assert row["stddev_glucose"] is None
    assert row["cv_percent"] is None
    assert row["avg_glucose_mg_dl"] == 100


@pytest.mark.long
def test_equal_readings_do_not_deviate(run_model):
    assert day(run_model, entries([103] * 7))["stddev_glucose"] == 0


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("count", "every", "percent"),
    [(288, 5, 100), (144, 5, 50), (1440, 1, 100), (96, 15, 100), (48, 15, 50), (1, 5, 100 / 288)],
)
def test_coverage_is_at_the_sensors_cadence(run_model, count, every, percent):
    row = day(run_model, entries([100] * count, every=every))
    assert row["coverage_percent"] == pytest.approx(percent)


@pytest.mark.long
def test_coverage_forgives_missing_readings_their_gap(run_model):
    row = day(run_model, entries([100, None, 100, 100, 100] * 57 + [100] * 3))
    assert row["coverage_percent"] == pytest.approx(100 * (1440 - 57 * 5) / 1440)


@pytest.mark.long
def test_coverage_is_of_time_not_of_readings(run_model):
    """The last of the readings stands for one cadence of five minutes."""
    row = day(run_model, entries([100] * 300, every=4.79))
    assert row["coverage_percent"] == pytest.approx(100 * (299 * 4.79 + 5) / 1440)


@pytest.mark.long
def test_the_last_reading_stands_for_what_is_left_of_the_day(run_model):
    row = day(run_model, entries([100] * 288, start=MIDNIGHT + timedelta(minutes=4)))
    assert row["coverage_percent"] == pytest.approx(100 * 1436 / 1440)


@pytest.mark.long
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


@pytest.mark.long
def test_days_are_local(run_model):
    start = MIDNIGHT - timedelta(hours=14)
    row = day(run_model, entries([100] * 288, start=start, timezone="Pacific/Kiritimati"))
    assert row["reading_date"] == date(2024, 3, 15)


LOW, HIGH = 60, 260
APART = "shares of readings and of time below 70 mg/dL differ"


@pytest.mark.sample(2)
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
        (entries([LOW, *[100] * 9], every=15), "OK", APART),
        (
            entries([100, LOW, LOW, *[100] * 9], every=15),
            "CRITICAL",
            "more than 15 minutes below 70 mg/dL",
        ),
        (
            entries([100, *[HIGH] * 5, 100]),
            "OK",
            APART.replace("below 70", "above 180"),
        ),
        (
            entries([100, *[HIGH] * 6, 100]),
            "ALERT",
            "more than 25 minutes above 250 mg/dL; " + APART.replace("below 70", "above 180"),
        ),
        (
            entries([*[HIGH] * 6, *[LOW] * 4]),
            "CRITICAL",
            "more than 15 minutes below 70 mg/dL; more than 25 minutes above 250 mg/dL; " + APART,
        ),
        (
            entries([100, *[LOW] * 3, None, None, None, *[100] * 20]),
            "CRITICAL",
            "more than 15 minutes below 70 mg/dL",
        ),
        (entries([100, LOW, LOW, LOW, *[None] * 9, 100]), "OK", ""),
        (entries([LOW, LOW, LOW, 100]), "OK", ""),
    ],
)
def test_status(run_model, trace, status, reasons):
    row = day(run_model, trace)
    assert (row["day_status"], row["status_reasons"]) == (status, reasons)


def at_minutes(values):
    """Readings of these values, by their minutes after midnight."""
    return [
        row
        for minutes, value in values.items()
        for row in entries([value], start=MIDNIGHT + timedelta(minutes=minutes), name=f"{minutes}")
    ]


@pytest.mark.long
def test_readings_that_are_missed_in_a_low_do_not_shorten_it(run_model):
    low = {500: LOW, 510: LOW, 520: LOW, 525: 120}
    others = {n * 5: 120 for n in range(288) if not 500 <= n * 5 <= 525}
    row = day(run_model, at_minutes({**others, **low}))
    assert row["minutes_below_70"] == pytest.approx(20 + 5 * 10 / 60 * 2)
    assert row["day_status"] == "CRITICAL"


@pytest.mark.long
def test_two_phones_under_one_name_do_not_hide_a_low(run_model):
    values = [120] * 20 + [LOW] * 8 + [120] * 20
    other = entries(values, start=MIDNIGHT + timedelta(minutes=2), name="other")
    row = day(run_model, entries(values), other)
    assert row["total_readings"] == 48
    assert row["minutes_below_70"] == pytest.approx(35 + 2 * 5 * 10 / 60)
    assert row["day_status"] == "CRITICAL"


@pytest.mark.long
def test_uneven_readings_do_not_hide_a_low(run_model):
    uneven = dict.fromkeys([600, 605.9, 607.8, 609.7, 611.1, 612.1, 615.7, 619.1], 65)
    others = {n * 5: 120 for n in range(288) if not 600 <= n * 5 <= 620}
    assert day(run_model, at_minutes({**others, **uneven}))["day_status"] == "CRITICAL"


@pytest.mark.sample(2)
@pytest.mark.parametrize("every", [1, 5, 15])
@pytest.mark.parametrize(("value", "status"), [(LOW, "CRITICAL"), (HIGH, "ALERT")])
def test_any_cadence_sees_a_long_excursion(run_model, every, value, status):
    count = 30 // every
    row = day(run_model, entries([120] * 30 + [value] * (count + 1) + [120] * 30, every=every))
    assert row["day_status"] == status


@pytest.mark.long
def test_a_lone_reading_stands_for_one_cadence(run_model):
    row = day(run_model, entries([100] * 20 + [None] * 10 + [LOW] + [None] * 10 + [100] * 5))
    assert row["minutes_below_70"] == 5


@pytest.mark.long
def test_a_lone_reading_ends_with_its_day(run_model):
    row = day(run_model, entries([LOW], start=MIDNIGHT + timedelta(minutes=1438)))
    assert row["minutes_below_70"] == 2


@pytest.mark.long
def test_a_low_over_midnight_counts_on_both_days(run_model):
    start = MIDNIGHT - timedelta(minutes=22)
    rows = build(run_model, mrt_glucose_overview, entries([LOW] * 10, start=start))
    assert [row["minutes_below_70"] for row in rows] == [22, 23]
    assert {row["day_status"] for row in rows} == {"CRITICAL"}


@pytest.mark.long
def test_a_line_that_crosses_the_limit_at_midnight_is_divided_there(run_model):
    """From 110 to 50 in 30 minutes: below 70 for the last ten, of which four are of the next day."""
    start = MIDNIGHT - timedelta(minutes=26)
    rows = build(run_model, mrt_glucose_overview, entries([110, 50], start=start, every=30))
    assert [row["minutes_below_70"] for row in rows] == [6, 4]


@pytest.mark.long
def test_fifteen_minutes_are_not_more_than_fifteen(run_model):
    """Thirds of minutes add up to whole ones."""
    row = day(run_model, entries([85, 55, 85] * 9, every=5))
    assert row["minutes_below_70"] == pytest.approx(9 * 5)
    row = day(run_model, entries([100, *[LOW] * 3, 76], every=5))
    assert row["minutes_below_70"] < 15
    assert row["day_status"] == "OK"


def test_an_episode_within_the_day_decides_although_its_time_is_short(run_model):
    """Every five minutes a low: an episode for those who look every five minutes."""
    values = [100 if n % 5 else LOW for n in range(60)]
    row = day(run_model, entries(values, every=1))
    assert row["minutes_below_70"] == pytest.approx(11 * 2 * 10 / 40 + 10 / 40)
    assert row["day_status"] == "CRITICAL"


@pytest.mark.long
def test_shares_that_mislead_are_told(run_model):
    """Of 15-minute readings every fourth is low: 25 % of them, 8 % of the time."""
    row = day(run_model, entries([60, 100, 100, 100] * 10, every=15))
    assert APART in row["status_reasons"]


@pytest.mark.long
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


@pytest.mark.long
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
