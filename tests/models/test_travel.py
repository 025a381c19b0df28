"""People who travel: days, nights, hours and episodes around a change of the time zone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from built_tables import BuiltTables
from traces import entries, facts, only
from travellers import in_zones, resident
from witness.moments import Home

from models.bronze import stg_glucose_entries
from models.checks import overview_counts_every_reading

LONDON, NEW_YORK = "Europe/London", "America/New_York"
SYDNEY, LOS_ANGELES = "Australia/Sydney", "America/Los_Angeles"
TRIP = Home(LONDON, ((date(2024, 1, 12), NEW_YORK), (date(2024, 3, 20), LONDON)))
OUT, BACK = date(2024, 1, 11), date(2024, 3, 19)
"""The days before, which are 29 and 20 hours long: clocks have changed in New York by then."""
DATE_LINE = Home(SYDNEY, ((date(2024, 1, 12), LOS_ANGELES), (date(2024, 1, 20), SYDNEY)))
OVER, RETURN = date(2024, 1, 11), date(2024, 1, 19)


def at(*moment):
    return datetime(*moment, tzinfo=UTC)


def tables(run_model, home, *traces):
    """All tables of a traveller's readings."""
    rows = in_zones([row for trace in traces for row in trace], home)
    return BuiltTables(run_model, facts(run_model, rows), [resident("anna", home)])


def steady(day, value=100):
    """Readings of three days around a date, every five minutes."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    return entries([value] * 4 * 288, start=start)


@pytest.fixture(scope="module")
def trip(run_model):
    """The tables of a trip over the ocean and back, around both changes."""
    return tables(run_model, TRIP, steady(OUT), steady(BACK))


def of(rows, day):
    return only(rows, reading_date=day)


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        (LONDON, at(2024, 1, 11, 23, 59, 59)),
        (NEW_YORK, at(2024, 1, 12)),
        (NEW_YORK, at(2024, 3, 19, 23, 59, 59)),
        (LONDON, at(2024, 3, 20)),
    ],
)
def test_a_reading_has_the_zone_that_its_person_lived_in(run_model, zone, moment):
    entry = {"_id": "a", "type": "sgv", "sgv": 100.0, "reading_timestamp": moment}
    sites = [resident("anna", TRIP), resident("ben", Home("Asia/Kathmandu"))]
    people = {"anna": zone, "ben": "Asia/Kathmandu", "carl": "UTC"}
    rows = [{"site": site, **entry} for site in people]
    staged = run_model(stg_glucose_entries, glucose_entries=rows, sites=sites)
    assert {row["site"]: row["timezone"] for row in staged} == people


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (OUT - timedelta(days=1), 24),
        (OUT, 29),
        (OUT + timedelta(days=1), 24),
        (BACK - timedelta(days=1), 24),
        (BACK, 20),
        (BACK + timedelta(days=1), 24),
    ],
)
def test_a_day_lasts_to_the_midnight_that_begins_the_next(trip, day, hours):
    row = of(trip["mrt_glucose_overview"], day)
    assert row["total_readings"] == 12 * hours
    assert row["coverage_percent"] == 100


@pytest.mark.parametrize("day", [OUT, OUT + timedelta(days=1), BACK, BACK + timedelta(days=1)])
def test_nights_have_six_hours(trip, day):
    row = of(trip["mrt_glucose_overnight"], day)
    assert row["reading_count"] == 72
    assert row["coverage_percent"] == 100


@pytest.mark.parametrize(
    ("day", "readings"),
    [
        (OUT, dict.fromkeys(range(19), 12) | dict.fromkeys(range(19, 24), 24)),
        (BACK, dict.fromkeys(range(20), 12)),
    ],
)
def test_hours_of_the_evening_come_twice_or_not_at_all(trip, day, readings):
    rows = [row for row in trip["mrt_glucose_readings"] if row["reading_date"] == day]
    assert {row["hour_of_day"]: row["reading_count"] for row in rows} == readings


@pytest.mark.long
def test_patterns_go_by_the_clock(run_model):
    rows = tables(run_model, TRIP, steady(OUT))["mrt_glucose_hourly_patterns"]
    thursday = {row["hour_of_day"]: row for row in rows if row["day_of_week"] == 4}
    assert {thursday[hour]["reading_count"] for hour in range(19)} == {12}
    assert {thursday[hour]["reading_count"] for hour in range(19, 24)} == {24}
    assert {row["days_observed"] for row in thursday.values()} == {1}


@pytest.mark.long
def test_the_profile_goes_by_the_clock(run_model):
    rows = tables(run_model, TRIP, steady(OUT))["mrt_glucose_agp"]
    counts = {row["minute_of_day"]: row["reading_count"] for row in rows}
    assert counts[18 * 60] == 4 * 3  # on each of the days from the 10th to the 13th
    assert counts[20 * 60] == 4 * 3  # on the 10th, twice on the 11th, and on the 12th


@pytest.mark.long
def test_no_time_of_a_long_day_is_lost(run_model):
    rows = tables(run_model, TRIP, steady(OUT, 60))["mrt_glucose_overview"]
    assert of(rows, OUT)["minutes_below_70"] == 29 * 60


@pytest.mark.long
def test_a_period_counts_days_by_the_clock(run_model):
    rows = tables(run_model, TRIP, steady(BACK))["mrt_glucose_periods"]
    row = only(rows, period="last_7_days")
    assert (row["first_date"], row["last_date"]) == (date(2024, 3, 17), date(2024, 3, 21))
    assert row["percent_active"] == 100


def low(start, end):
    """Readings of which those from `start` on and before `end` are low."""
    first = start - timedelta(hours=6)
    lasts = (end + timedelta(hours=6) - first) // timedelta(minutes=5)
    moments = [first + number * timedelta(minutes=5) for number in range(lasts)]
    return entries([60 if start <= moment < end else 100 for moment in moments], start=first)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("start", "end", "local_date", "local_end_date"),
    [
        (at(2024, 1, 11, 23), at(2024, 1, 12, 1), OUT, OUT),  # the change
        (at(2024, 1, 12, 4), at(2024, 1, 12, 5), OUT, OUT),  # up to midnight
        (at(2024, 1, 12, 4), at(2024, 1, 12, 6), OUT, OUT + timedelta(days=1)),
        (at(2024, 3, 19, 23), at(2024, 3, 20), BACK, BACK),  # up to midnight, at the change
        (at(2024, 3, 19, 23), at(2024, 3, 20, 1), BACK, BACK + timedelta(days=1)),
        (at(2024, 3, 20), at(2024, 3, 20, 1), *[BACK + timedelta(days=1)] * 2),
    ],
)
def test_an_episode_over_a_change_is_one(run_model, start, end, local_date, local_end_date):
    built = tables(run_model, TRIP, low(start, end))
    episode = only(built["mrt_glucose_episodes"], level=1)
    assert (episode["started_at"], episode["ended_at"]) == (start, end)
    assert (episode["local_date"], episode["local_end_date"]) == (local_date, local_end_date)
    days = {row["reading_date"]: row["hypo_episodes"] for row in built["mrt_glucose_overview"]}
    assert {day for day, count in days.items() if count} == {local_date}
    assert of(built["mrt_glucose_overview"], local_end_date)["day_status"] == "CRITICAL"


def test_an_episode_ends_in_the_zone_of_its_end(run_model):
    """At midnight in Kathmandu, a quarter past six in London, the evening comes again."""
    home = Home("Asia/Kathmandu", ((date(2024, 1, 12), LONDON),))
    built = tables(run_model, home, low(at(2024, 1, 11, 18), at(2024, 1, 11, 19)))
    episode = only(built["mrt_glucose_episodes"], level=1)
    assert (episode["local_date"], episode["local_end_date"]) == (OUT, OUT)


@pytest.mark.long
def test_a_night_is_not_gone_on_with_on_the_other_side_of_the_date_line(run_model):
    """When it is midnight in Sydney, it is five in the morning of the same day in Los Angeles."""
    built = tables(run_model, DATE_LINE, steady(OVER))
    day, night = (of(built[f"mrt_glucose_{name}"], OVER) for name in ("overview", "overnight"))
    assert day["total_readings"] == 43 * 12
    assert night["reading_count"] == 72
    assert (day["coverage_percent"], night["coverage_percent"]) == (100, 100)


@pytest.mark.long
def test_a_low_after_the_date_line_is_of_the_day_and_of_no_night(run_model):
    built = tables(run_model, DATE_LINE, low(at(2024, 1, 11, 13), at(2024, 1, 11, 14)))
    hours = only(built["mrt_glucose_readings"], reading_date=OVER, hour_of_day=5)
    assert hours["hypoglycemia_count"] == 12
    assert of(built["mrt_glucose_overview"], OVER)["hypo_episodes"] == 1
    assert [row for row in built["mrt_glucose_overnight"] if row["reading_date"] == OVER] == []


@pytest.mark.long
def test_a_day_that_ends_in_its_night(run_model):
    """It is midnight in Sydney when it is five in Los Angeles: the day ends there."""
    built = tables(run_model, DATE_LINE, steady(RETURN))
    for name, count in (("overview", "total_readings"), ("overnight", "reading_count")):
        row = of(built[f"mrt_glucose_{name}"], RETURN)
        assert row[count] == 60
        assert row["coverage_percent"] == 100


@pytest.mark.long
@pytest.mark.parametrize("zones", [("Pacific/Kiritimati", "Pacific/Honolulu"), (LONDON, LONDON)])
def test_the_longest_day_and_one_that_is_as_usual(run_model, zones):
    first, second = zones
    home = Home(first, ((date(2024, 1, 12), second),))
    built = tables(run_model, home, steady(OUT))
    hours = 24 if first == second else 48
    assert of(built["mrt_glucose_overview"], OUT)["total_readings"] == hours * 12


@pytest.mark.long
def test_every_reading_of_a_traveller_is_counted(run_model, trip):
    names = ("mrt_glucose_overview", "fct_glucose_readings")
    assert run_model(overview_counts_every_reading, **{name: trip[name] for name in names}) == []
