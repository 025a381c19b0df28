from __future__ import annotations

from typing import Any

import pytest

from ingestion.people import Patience, Person, configured_patience, configured_people
from lakehouse import ConfigError

URL = "https://anna.example.org"
CREDENTIAL = "hush-7e57c0de"


def people(*blocks: Any, **env: str) -> tuple[Person, ...]:
    return configured_people({"sites": list(blocks)}, env)


def block(site: Any = "anna", **more: Any) -> dict[str, Any]:
    return {"site": site, "url": URL, **more}


def wrong(*blocks: Any, **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as raised:
        people(*blocks, **env)
    assert raised.value.hint
    assert CREDENTIAL not in f"{raised.value} {raised.value!r}"
    return raised.value


def test_without_an_address_there_is_nobody() -> None:
    assert configured_people({}, {"NIGHTSCOUT_TIMEZONE": "Europe/Oslo"}) == ()


def test_an_address_alone_is_home_in_utc() -> None:
    assert people(NIGHTSCOUT_URL=URL) == (Person("home", URL, "UTC"),)


def test_the_environment_describes_a_person() -> None:
    (person,) = people(
        NIGHTSCOUT_URL=URL,
        NIGHTSCOUT_SITE="ola",
        NIGHTSCOUT_TIMEZONE="Europe/Oslo",
        NIGHTSCOUT_API_SECRET=CREDENTIAL,
    )
    assert (person.site, person.timezone) == ("ola", "Europe/Oslo")
    assert person.secret is not None
    assert person.secret.get_secret_value() == CREDENTIAL


def test_a_token_does_instead_of_a_secret() -> None:
    (person,) = people(NIGHTSCOUT_URL=URL, NIGHTSCOUT_TOKEN=CREDENTIAL)
    assert person.secret is None
    assert person.token is not None
    assert person.token.get_secret_value() == CREDENTIAL


def test_blocks_describe_people() -> None:
    found = people(block("anna", timezone="Europe/London"), block("bob"))
    assert [(person.site, person.timezone) for person in found] == [
        ("anna", "Europe/London"),
        ("bob", "UTC"),
    ]


def test_the_environment_adds_a_person_to_the_blocks() -> None:
    assert [person.site for person in people(block(), NIGHTSCOUT_URL=URL)] == ["home", "anna"]


def test_secrets_are_named_after_sites() -> None:
    anna, bob = people(
        block("anna-b 2"),
        block("bob"),
        NIGHTSCOUT_TOKEN_ANNA_B_2="of-anna",
        NIGHTSCOUT_API_SECRET_BOB="of-bob",
    )
    assert anna.token is not None
    assert anna.token.get_secret_value() == "of-anna"
    assert bob.secret is not None
    assert bob.secret.get_secret_value() == "of-bob"


def test_the_secret_of_one_is_not_the_secret_of_another() -> None:
    home, anna = people(block(), NIGHTSCOUT_URL=URL, NIGHTSCOUT_API_SECRET="x")
    assert home.secret is not None
    assert anna.secret is None


def test_no_repr_holds_a_credential() -> None:
    (person,) = people(NIGHTSCOUT_URL=URL, NIGHTSCOUT_API_SECRET=CREDENTIAL)
    assert CREDENTIAL not in repr(person)


def test_an_empty_variable_is_not_set() -> None:
    assert people(NIGHTSCOUT_URL=" ", NIGHTSCOUT_API_SECRET="") == ()


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://a.example.org/", "https://a.example.org"),
        ("http://a.example.org:1337/ns/", "http://a.example.org:1337/ns"),
        ("https://a.example.org/api/v1/", "https://a.example.org"),
        ("https://a.example.org/api/v1/entries.json", "https://a.example.org"),
        ("https://a.example.org/api/v1/entries/sgv.json/", "https://a.example.org"),
        ("https://a.example.org/api/v3/status", "https://a.example.org"),
        ("https://a.example.org/api", "https://a.example.org"),
        ("https://a.example.org/ns/api/v1", "https://a.example.org/ns"),
        ("https://a.example.org/report", "https://a.example.org"),
        ("https://a.example.org/ns/report/", "https://a.example.org/ns"),
        ("https://a.example.org/clock/clock-color", "https://a.example.org"),
        ("https://a.example.org/admin", "https://a.example.org"),
        ("https://a.example.org/index.html", "https://a.example.org"),
        ("https://a.example.org/apiary", "https://a.example.org/apiary"),
        ("https://a.example.org/my-reports", "https://a.example.org/my-reports"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_an_address_is_what_comes_before_the_api(written: str, address: str) -> None:
    assert people(NIGHTSCOUT_URL=written)[0].url == address


@pytest.mark.parametrize(
    "address",
    [
        CREDENTIAL,
        "anna.example.org",
        "ftp://anna.example.org",
        "https://",
        "https:///path",
        "https://anna.example.org:port",
        "https://anna.example.org:99999",
        "https://[::1",
        "https://an na.example.org",
        f"https://{CREDENTIAL}@anna.example.org/api/v1/",
        f"https://user:{CREDENTIAL}@anna.example.org",
        f"https://anna.example.org?token={CREDENTIAL}",
        f"https://anna.example.org#{CREDENTIAL}",
    ],
)
def test_an_address_that_cannot_be_meant(address: str) -> None:
    assert "NIGHTSCOUT_URL" in wrong(NIGHTSCOUT_URL=address).message
    assert "`url` of site 'anna'" in wrong(block(url=address)).message


def test_an_unknown_time_zone() -> None:
    error = wrong(NIGHTSCOUT_URL=URL, NIGHTSCOUT_TIMEZONE="Mars/Olympus")
    assert "NIGHTSCOUT_TIMEZONE is 'Mars/Olympus'" in error.message
    assert "`timezone` of site 'anna' is 'CEST?'" in wrong(block(timezone="CEST?")).message


@pytest.mark.parametrize(
    "name", ["Factory", "posixrules", "localtime", "right/Europe/Oslo", "posix/UTC", "EST", "ROC"]
)
def test_a_time_zone_that_some_engine_does_not_know(name: str) -> None:
    assert (
        f"NIGHTSCOUT_TIMEZONE is {name!r}"
        in wrong(NIGHTSCOUT_URL=URL, NIGHTSCOUT_TIMEZONE=name).message
    )
    assert f"`timezone` of site 'anna' is {name!r}" in wrong(block(timezone=name)).message


def test_a_secret_and_a_token_at_once() -> None:
    both = {"NIGHTSCOUT_API_SECRET": CREDENTIAL, "NIGHTSCOUT_TOKEN": CREDENTIAL}
    assert "both set" in wrong(NIGHTSCOUT_URL=URL, **both).message
    error = wrong(block(), **{f"{name}_ANNA": text for name, text in both.items()})
    assert "NIGHTSCOUT_API_SECRET_ANNA and NIGHTSCOUT_TOKEN_ANNA" in error.message


@pytest.mark.parametrize("other", ["anna", "Anna", "ANNA"])
def test_two_sites_of_one_name(other: str) -> None:
    assert f"'anna' and '{other}'" in wrong(block("anna"), block(other)).message


def test_two_sites_whose_secrets_would_be_one() -> None:
    assert "'a-b' and 'a b'" in wrong(block("a-b"), block("a b")).message


def test_the_site_of_the_environment_is_a_site_too() -> None:
    assert "'home' and 'home'" in wrong(block("home"), NIGHTSCOUT_URL=URL).message


@pytest.mark.parametrize("url", [None, ""])
def test_a_site_without_an_address(url: str | None) -> None:
    site = {"site": "anna"} if url is None else {"site": "anna", "url": url}
    assert "site 'anna' in [[nightscout.sites]] has no url" in wrong(site).message


@pytest.mark.parametrize("site", [None, "", " ", 3])
def test_a_block_without_a_name(site: Any) -> None:
    assert "has no name" in wrong(block(site)).message


def test_an_address_that_is_no_text() -> None:
    assert "`url` of site 'anna'" in wrong(block(url=3)).message


def test_a_secret_in_the_file() -> None:
    error = wrong(block(token=CREDENTIAL))
    assert "'token'" in error.message
    assert "environment" in error.hint


@pytest.mark.parametrize("sites", ["anna", {"site": "anna"}, ["anna"]])
def test_sites_that_are_no_blocks(sites: Any) -> None:
    with pytest.raises(ConfigError, match="no list of tables"):
        configured_people({"sites": sites}, {})


@pytest.mark.parametrize(
    "name",
    ["NIGHTSCOUT_API_SECRET", "NIGHTSCOUT_TOKEN", "NIGHTSCOUT_TOKEN_ANNA"],
)
def test_a_credential_without_an_address(name: str) -> None:
    assert f"{name} belongs to no address" in wrong(**{name: CREDENTIAL}).message


def test_a_credential_of_an_unknown_site() -> None:
    error = wrong(block(), NIGHTSCOUT_API_SECRET_ANA=CREDENTIAL)
    assert "NIGHTSCOUT_API_SECRET_ANA belongs to no address" in error.message


def test_patience_has_defaults() -> None:
    assert configured_patience({}) == Patience(timeout=30, attempts=4, wake_timeout=90)


def test_patience_can_be_set() -> None:
    section = {"timeout": 5, "attempts": 1, "wake_timeout": 7}
    assert configured_patience(section) == Patience(timeout=5, attempts=1, wake_timeout=7)


@pytest.mark.parametrize(
    "section",
    [
        *({"timeout": value} for value in (0, -1, "30", True, float("nan"), float("inf"))),
        *({"wake_timeout": value} for value in (0, -1, "30", True, float("nan"), 3601)),
        *({"attempts": value} for value in (0, 1.5, "4", True)),
        {"timeuot": 30},
    ],
)
def test_patience_that_cannot_be_meant(section: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(section))):
        configured_patience(section)


def test_without_units_and_target_they_are_those_of_the_consensus() -> None:
    (person,) = people(block())
    assert (person.units, person.target_range) == ("mg/dL", (70, 180))


@pytest.mark.parametrize(
    ("settings", "units", "target_range"),
    [
        ({"target_range": [63, 140]}, "mg/dL", (63, 140)),
        ({"units": "MMOL/l", "target_range": [3.5, 7.8]}, "mmol/L", (63, 141)),
        ({"units": "mmol/L"}, "mmol/L", (70, 180)),
        ({"units": "mmol/L", "target_range": [4, 10]}, "mmol/L", (72, 180)),
    ],
)
def test_a_target_is_written_in_the_units_of_the_person(
    settings: dict[str, Any], units: str, target_range: tuple[int, int]
) -> None:
    (person,) = people(block(**settings))
    assert (person.units, person.target_range) == (units, target_range)


@pytest.mark.parametrize(
    "settings",
    [
        {"units": "mmol"},
        {"units": 1},
        {"units": ""},
        {"target_range": "63-140"},
        {"target_range": [63]},
        {"target_range": [63, 140, 180]},
        {"target_range": [140, 63]},
        {"target_range": [70, 70]},
        {"target_range": [3.5, 7.8]},
        {"target_range": [True, 140]},
        {"target_range": [float("nan"), 140]},
        {"units": "mmol/L", "target_range": [63, 140]},
        {"units": "mmol/L", "target_range": [7.801, 7.802]},
    ],
)
def test_units_and_targets_that_are_none_are_refused(settings: dict[str, Any]) -> None:
    assert "of site 'anna'" in str(wrong(block(**settings)))


def test_the_units_of_the_environments_person() -> None:
    (person,) = people(NIGHTSCOUT_URL=URL, NIGHTSCOUT_UNITS="mmol/L")
    assert person.units == "mmol/L"
