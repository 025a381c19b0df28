"""Cron expressions mean what crontab(5) says, in the zone of the project."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import DeclarationError
from lakehouse.schedule.cron import following

OSLO = ZoneInfo("Europe/Oslo")
FRIDAY = datetime(2024, 3, 15, 12, 30, tzinfo=OSLO)


@pytest.mark.parametrize(
    ("expression", "moment"),
    [
        ("0 * * * *", "2024-03-15T13:00"),
        ("30 12 * * *", "2024-03-16T12:30"),
        ("*/20 * * * *", "2024-03-15T12:40"),
        ("0 6 * * 0", "2024-03-17T06:00"),
        ("0 6 * * 7", "2024-03-17T06:00"),
        ("0 6 * * 1-5", "2024-03-18T06:00"),
        ("0 6 * * sat", "2024-03-16T06:00"),
        ("0 6 1 * *", "2024-04-01T06:00"),
        ("0 6 1 * 6", "2024-03-16T06:00"),
        ("0 6 */2 * 6", "2024-03-23T06:00"),
        ("0 6 31 * */6", "2024-03-31T06:00"),
        ("0 6 * * sun-tue", "2024-03-17T06:00"),
        ("0 6 26-26 * *", "2024-03-26T06:00"),
        ("0 20-21/1 * * *", "2024-03-15T20:00"),
    ],
)
def test_the_next_time(expression, moment):
    found = following(expression, FRIDAY, OSLO)
    assert found.strftime("%Y-%m-%dT%H:%M") == moment


def test_an_hour_that_a_clock_skips_is_not_waited_for_twice():
    saturday = datetime(2024, 3, 30, 12, tzinfo=OSLO)
    first = following("30 2 * * *", saturday, OSLO)
    assert following("30 2 * * *", first, OSLO) > first


@pytest.mark.parametrize(
    "expression", ["61 * * * *", "x * * * *", "* * * * 9-z", "0 0 31 2 *", "0 0 */31 2 1#5"]
)
def test_what_never_comes_is_refused(expression):
    with pytest.raises(DeclarationError):
        following(expression, FRIDAY, OSLO)


def shows(expression, instant, zone):
    """Whether it is a time that the expression is about, at a whole minute in the zone."""
    minute, hour, *_ = expression.split()
    every = 60 if minute == "0" else 5
    return any(
        each.minute % every == 0 and hour in ("*", str(each.hour)) for each in times(instant, zone)
    )


def times(instant, zone):
    """What a clock of the zone shows, and what it skipped by so much as it is late."""
    shown = instant.astimezone(zone).replace(tzinfo=None)
    skipped = (shown - timedelta(minutes=minutes) for minutes in (30, 60))
    return [shown, *(t for t in skipped if t.replace(tzinfo=zone).astimezone(UTC) == instant)]


SETTINGS_OF_CLOCKS = [
    (ZoneInfo("Europe/Oslo"), datetime(2024, 3, 31, 1, tzinfo=UTC)),
    (ZoneInfo("Europe/Oslo"), datetime(2024, 10, 27, 1, tzinfo=UTC)),
    (ZoneInfo("America/New_York"), datetime(2024, 11, 3, 6, tzinfo=UTC)),
    (ZoneInfo("Australia/Lord_Howe"), datetime(2024, 4, 6, 15, tzinfo=UTC)),
    (ZoneInfo("Australia/Lord_Howe"), datetime(2024, 10, 5, 15, 30, tzinfo=UTC)),
    (ZoneInfo("UTC"), datetime(2024, 3, 31, 1, tzinfo=UTC)),
]


@given(
    st.sampled_from(SETTINGS_OF_CLOCKS),
    st.sampled_from(["0 * * * *", "*/5 * * * *", "*/5 1 * * *"]),
    st.timedeltas(timedelta(hours=-3), timedelta(hours=3)),
)
def test_around_the_setting_of_a_clock_it_is_the_first_time_that_the_clock_shows_or_skips(
    setting, expression, since
):
    zone, moment = setting
    after = moment + since
    minute = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while not shows(expression, minute, zone):
        minute += timedelta(minutes=1)
    assert following(expression, after, zone).astimezone(UTC) == minute
