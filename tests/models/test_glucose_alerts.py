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


def reading(minutes_ago, glucose, *, site="anna", rate=0.0):
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    local = "2024-03-15T03:07:00"
    return {
        "site": site,
        "reading_timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "local_timestamp": local,
        "glucose_mg_dl": glucose,
        "rate_mg_dl_per_minute": rate,
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


@pytest.mark.parametrize(
    ("glucose", "rate", "kinds"),
    [
        (53, 0.0, ["URGENT LOW", "low"]),
        (54, 0.0, ["low"]),
        (69, 0.0, ["low"]),
        (70, 0.0, []),
        (250, 0.0, []),
        (251, 0.0, ["high"]),
        (120, -3.0, ["falling rapidly"]),
        (120, -2.9, []),
    ],
)
def test_the_newest_reading_decides(told, glucose, rate, kinds):
    assert list(told(reading(10, 100), reading(5, glucose, rate=rate))) == kinds


def test_what_was_low_before_the_newest_reading_is_no_alert(told):
    assert told(reading(10, 50), reading(5, 100)) == {}


def test_an_old_reading_is_no_alert(told):
    assert told(reading(90, 50)) == {}


def test_a_message_says_who_how_much_when_and_where_it_goes(told):
    found = told(reading(5, 66, rate=-1.24), reading(5, 100, site="ben"))
    assert found == {"low": ["anna: low, 66 mg/dL at 03:07, -1 mg/dL a minute"]}


@pytest.mark.parametrize(
    ("glucose", "rate", "message"),
    [
        (66, -1.24, "anna: low, 3.7 mmol/L at 03:07, -0.1 mmol/L a minute"),
        (54, 2.7, "anna: low, 3.0 mmol/L at 03:07, 0.1 mmol/L a minute"),
        (54, None, "anna: low, 3.0 mmol/L at 03:07, ? mmol/L a minute"),
    ],
)
def test_a_message_is_in_the_units_of_the_person(told, glucose, rate, message):
    sites = [{"site": "anna", "units": "mmol/L"}, {"site": "ben", "units": "mg/dL"}]
    found = told(reading(5, glucose, rate=rate), reading(5, 66, site="ben"), sites=sites)
    assert found == {"low": [message, "ben: low, 66 mg/dL at 03:07, 0 mg/dL a minute"]}
