"""Cron expressions mean what crontab(5) says, in the zone of the project."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from lakehouse.cron import following
from lakehouse.errors import DeclarationError

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
    ],
)
def test_the_next_time(expression, moment):
    found = following(expression, FRIDAY, OSLO)
    assert found.strftime("%Y-%m-%dT%H:%M") == moment


def test_an_hour_that_a_clock_skips_is_not_waited_for_twice():
    saturday = datetime(2024, 3, 30, 12, tzinfo=OSLO)
    first = following("30 2 * * *", saturday, OSLO)
    assert following("30 2 * * *", first, OSLO) > first


@pytest.mark.parametrize("expression", ["61 * * * *", "x * * * *", "* * * * 9-z", "0 0 31 2 *"])
def test_what_never_comes_is_refused(expression):
    with pytest.raises(DeclarationError):
        following(expression, FRIDAY, OSLO)
