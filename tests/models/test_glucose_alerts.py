"""Alerts speak of the newest reading of each person, if it is about now."""

from datetime import UTC, datetime, timedelta

import pytest

from models import alerts

CHECKS = {
    alerts.glucose_is_not_urgently_low: "URGENT LOW",
    alerts.glucose_is_not_low: "low",
    alerts.glucose_is_not_high: "high",
    alerts.glucose_does_not_fall_rapidly: "falling rapidly",
}


NOW = datetime.now(UTC)


def reading(minutes_ago, glucose, *, site="anna"):
    at = NOW - timedelta(minutes=minutes_ago)
    local = "2024-03-15T03:07:00"
    return {
        "site": site,
        "reading_timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "local_timestamp": local,
        "glucose_mg_dl": glucose,
    }


@pytest.fixture
def told(run_model):
    """What is said of readings, by kind of alert."""

    def ask(*readings, sites=()):
        rows = {
            what: run_model(check, fct_glucose_readings=list(readings), sites=list(sites))
            for check, what in CHECKS.items()
        }
        return {what: [row["message"] for row in found] for what, found in rows.items() if found}

    return ask


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("before", "glucose", "kinds"),
    [
        (53, 53, ["URGENT LOW", "low"]),
        (54, 54, ["low"]),
        (69, 69, ["low"]),
        (70, 70, []),
        (250, 250, []),
        (251, 251, ["high"]),
        (135, 120, ["falling rapidly"]),
        (134, 120, []),
    ],
)
def test_the_newest_reading_decides(told, before, glucose, kinds):
    assert list(told(reading(10, before), reading(5, glucose))) == kinds


@pytest.mark.parametrize(
    ("readings", "kinds"),
    [
        ([(4, 133), (3, 129), (2, 126), (1, 123), (0, 120)], ["falling rapidly"]),  # each minute
        ([(4, 133), (1, 130), (0, 128)], []),
        ([(2, 630), (0, 120)], []),
        ([(16, 630), (0, 120)], []),
        ([(15, 165), (0, 120)], ["falling rapidly"]),
    ],
)
def test_a_rate_goes_back_to_the_last_reading_three_minutes_before(told, readings, kinds):
    assert list(told(*(reading(ago, glucose) for ago, glucose in readings))) == kinds


def test_what_was_low_before_the_newest_reading_is_no_alert(told):
    assert told(reading(10, 50), reading(5, 100)) == {}


def test_an_old_reading_is_no_alert(told):
    assert told(reading(90, 50)) == {}


def test_a_message_says_who_how_much_when_and_where_it_goes(told):
    found = told(reading(10, 72), reading(5, 66), reading(5, 100, site="ben"))
    assert found == {"low": ["anna: low, 66 mg/dL at 03:07, -1 mg/dL a minute"]}


@pytest.mark.parametrize(
    ("readings", "message"),
    [
        ([(10, 72), (5, 66)], "anna: low, 3.7 mmol/L at 03:07, -0.1 mmol/L a minute"),
        ([(10, 54), (5, 67)], "anna: low, 3.7 mmol/L at 03:07, 0.1 mmol/L a minute"),
        ([(5, 54)], "anna: low, 3.0 mmol/L at 03:07, ? mmol/L a minute"),
    ],
)
def test_a_message_is_in_the_units_of_the_person(told, readings, message):
    sites = [{"site": "anna", "units": "mmol/L"}, {"site": "ben", "units": "mg/dL"}]
    annas = [reading(ago, glucose) for ago, glucose in readings]
    bens = [reading(10, 66, site="ben"), reading(5, 66, site="ben")]
    assert told(*annas, *bens, sites=sites) == {
        "low": [message, "ben: low, 66 mg/dL at 03:07, 0 mg/dL a minute"]
    }
