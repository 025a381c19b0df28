"""Raw entries made fit to read."""

import pytest

from models.bronze import stg_glucose_entries

ENTRY = {
    "site": "anna",
    "_id": "a1",
    "type": "sgv",
    "sgv": 120.0,
    "reading_timestamp": "2024-03-15T08:05:00.123Z",
    "utc_offset": 60,
    "_ingested_at": "2024-03-16T00:00:00Z",
}
SITES = [{"site": "anna", "timezone": "Europe/Oslo"}]


def staged(run_model, sites=SITES, **changes):
    return run_model(stg_glucose_entries, glucose_entries=[{**ENTRY, **changes}], sites=sites)


@pytest.mark.parametrize(
    ("sgv", "glucose"), [(122.4, 122), (122.5, 123), (180.16, 180), (38.5, 39), (600.4, 600)]
)
def test_glucose_is_a_whole_number(run_model, sgv, glucose):
    assert [row["glucose_mg_dl"] for row in staged(run_model, sgv=sgv)] == [glucose]


@pytest.mark.parametrize("sgv", [None, 0, 5, 12, 38, 38.4, 600.5, 2000])
def test_error_codes_are_no_glucose(run_model, sgv):
    assert staged(run_model, sgv=sgv) == []


@pytest.mark.parametrize("sgv", [39, 401, 600])
def test_low_and_high_are_glucose(run_model, sgv):
    assert len(staged(run_model, sgv=sgv)) == 1


@pytest.mark.parametrize("kind", ["mbg", "cal", "other"])
def test_only_sensor_glucose_is_staged(run_model, kind):
    assert staged(run_model, type=kind) == []


def test_an_entry_keeps_what_identifies_it(run_model):
    (row,) = staged(run_model, trend=4, direction="Flat", device="phone")
    assert (row["site"], row["entry_id"], row["reading_type"]) == ("anna", "a1", "sgv")
    assert (row["trend"], row["direction"], row["device"]) == (4, "Flat", "phone")
    assert row["utc_offset_minutes"] == 60
    assert row["ingested_at"].isoformat() == "2024-03-16T00:00:00+00:00"


def test_the_time_is_also_text(run_model):
    (row,) = staged(run_model)
    assert row["timestamp_iso"] == "2024-03-15T08:05:00.123Z"


def test_text_has_milliseconds_even_if_there_are_none(run_model):
    (row,) = staged(run_model, reading_timestamp="2024-03-15T08:05:00Z")
    assert row["timestamp_iso"] == "2024-03-15T08:05:00.000Z"


def test_the_zone_is_the_sites(run_model):
    assert staged(run_model)[0]["timezone"] == "Europe/Oslo"


def test_a_site_without_a_zone_lives_in_utc(run_model):
    assert staged(run_model, sites=[])[0]["timezone"] == "UTC"


def test_nothing_gives_nothing(run_model):
    assert run_model(stg_glucose_entries) == []
