"""Settings of people who travel."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from ingestion.people import configured_people
from ingestion.travel import Travel, travels
from lakehouse import ConfigError

LONDON, NEW_YORK = "Europe/London", "America/New_York"
WHERE = "`travels` of site 'anna'"


def moves(*changes: tuple[Any, str], home: str = LONDON) -> tuple[Travel, ...]:
    said = [{"since": since, "timezone": zone} for since, zone in changes]
    return travels(said, home, WHERE)


def wrong(said: Any, home: str = LONDON) -> ConfigError:
    block = {"site": "anna", "url": "https://anna.example.org", "timezone": home, "travels": said}
    with pytest.raises(ConfigError) as raised:
        configured_people({"sites": [block]}, {})
    assert raised.value.hint
    return raised.value


def starts(*changes: tuple[date, str], home: str = LONDON) -> list[datetime]:
    return [change.starts_at for change in moves(*changes, home=home)]


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_who_says_nothing_stays_at_home() -> None:
    assert travels(None, LONDON, WHERE) == travels([], LONDON, WHERE) == ()


def test_a_person_has_the_travels_of_their_block() -> None:
    said = [{"since": date(2024, 1, 12), "timezone": NEW_YORK}]
    block = {"site": "anna", "url": "https://anna.example.org", "travels": said}
    (person,) = configured_people({"sites": [block]}, {})
    assert person.timezone == "UTC"
    assert [(change.since, change.timezone) for change in person.travels] == [
        (date(2024, 1, 12), NEW_YORK)
    ]


def test_a_date_may_be_text() -> None:
    assert moves(("2024-01-12", NEW_YORK)) == moves((date(2024, 1, 12), NEW_YORK))


@pytest.mark.parametrize(
    ("home", "zone", "starts_at"),
    [
        (LONDON, NEW_YORK, at(2024, 1, 12)),  # midnight of London comes first
        (NEW_YORK, LONDON, at(2024, 1, 12)),
        (LONDON, "Asia/Kathmandu", at(2024, 1, 11, 18, 15)),
        (NEW_YORK, "Asia/Kathmandu", at(2024, 1, 11, 18, 15)),
        ("Pacific/Kiritimati", "Pacific/Honolulu", at(2024, 1, 11, 10)),
        (LONDON, LONDON, at(2024, 1, 12)),
    ],
)
def test_the_clock_changes_at_the_earlier_midnight(
    home: str, zone: str, starts_at: datetime
) -> None:
    assert starts((date(2024, 1, 12), zone), home=home) == [starts_at]


def test_midnights_are_those_of_summer_in_summer() -> None:
    changes = (date(2024, 3, 12), NEW_YORK), (date(2024, 7, 1), LONDON)
    assert starts(*changes, home=NEW_YORK) == [at(2024, 3, 12, 4), at(2024, 6, 30, 23)]


def test_a_midnight_that_the_clock_skips_is_when_it_does() -> None:
    assert starts((date(2024, 3, 10), "America/Havana"), home="America/Havana") == [
        at(2024, 3, 10, 5)
    ]


def test_each_journey_starts_where_the_last_one_ended() -> None:
    changes = (date(2024, 1, 12), NEW_YORK), (date(2024, 1, 20), "America/Los_Angeles")
    assert starts(*changes) == [at(2024, 1, 12), at(2024, 1, 20, 5)]


@pytest.mark.parametrize("said", ["London", {"since": "2024-01-12"}, ["2024-01-12"], 3])
def test_travels_that_are_no_list_of_tables(said: Any) -> None:
    assert f"{WHERE} is no list of tables" in wrong(said).message


def test_a_key_that_means_nothing() -> None:
    error = wrong([{"since": "2024-01-12", "timezone": NEW_YORK, "until": "2024-01-20"}])
    assert "'until', which means nothing" in error.message


@pytest.mark.parametrize("missing", ["since", "timezone"])
def test_a_change_without_what_it_needs(missing: str) -> None:
    change = {"since": "2024-01-12", "timezone": NEW_YORK}
    del change[missing]
    assert f"a change without {missing}" in wrong([change]).message


@pytest.mark.parametrize(
    "since",
    [
        "",
        "12.1.2024",
        "20240112",
        "2024-W02-5",
        "2024-02-30",
        "2024-01-12T00:00",
        at(2024, 1, 12),
        datetime(2024, 1, 12),  # noqa: DTZ001
        3,
        True,
        None,
        date(1999, 12, 31),
        date(9999, 1, 1),
    ],
)
def test_a_date_that_is_none(since: Any) -> None:
    error = wrong([{"since": since, "timezone": NEW_YORK}])
    assert f"`since` in {WHERE} is" in error.message
    assert "date" in error.hint


@pytest.mark.parametrize("zone", ["Mars/Olympus", "EST", ""])
def test_a_zone_that_is_not_known(zone: str) -> None:
    error = wrong([{"since": "2024-01-12", "timezone": zone}])
    assert f"`timezone` in {WHERE} is {zone!r}" in error.message


def test_a_zone_that_is_no_text() -> None:
    error = wrong([{"since": "2024-01-12", "timezone": 5}])
    assert f"`timezone` in {WHERE} is no text" in error.message


@pytest.mark.parametrize("later", ["2024-01-12", "2024-01-11"])
def test_dates_that_do_not_follow_each_other(later: str) -> None:
    dates = "2024-01-12", later
    error = wrong([{"since": since, "timezone": NEW_YORK} for since in dates])
    assert f"{WHERE} names {later} after 2024-01-12" in error.message


@pytest.mark.parametrize(
    ("home", "zone"),
    [
        ("Pacific/Kiritimati", "Pacific/Pago_Pago"),
        ("Pacific/Pago_Pago", "Pacific/Kiritimati"),
        ("Pacific/Tongatapu", "Etc/GMT+12"),
    ],
)
def test_zones_whose_midnights_are_more_than_a_day_apart(home: str, zone: str) -> None:
    error = wrong([{"since": "2024-01-12", "timezone": zone}], home=home)
    assert f"from {home} to {zone} on 2024-01-12" in error.message
    by_way_of = [("2024-01-11", "Pacific/Honolulu"), ("2024-01-12", zone)]
    assert len(moves(*by_way_of, home=home)) == 2
