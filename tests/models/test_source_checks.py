"""An empty day among others is found; a gap that is none, or longer, is not."""

from datetime import UTC, datetime, timedelta

import pytest

from models.source_checks import no_day_between_two_others_is_empty

MARCH = datetime(2024, 3, 1, tzinfo=UTC)


def found(run_model, **days_of):
    rows = [
        {
            "site": site,
            "entry_id": f"{site}{day}{hour}",
            "reading_timestamp": MARCH + timedelta(days=day, hours=hour),
            "glucose_mg_dl": 100,
        }
        for site, days in days_of.items()
        for day in days
        for hour in (0, 12, 23)
    ]
    offending = run_model(no_day_between_two_others_is_empty, stg_glucose_entries=rows)
    return [(row["site"], row["empty_day"].day) for row in offending]


def test_an_empty_day_between_two_others_is_found(run_model):
    assert found(run_model, anna=[0, 1, 3, 4]) == [("anna", 3)]


@pytest.mark.parametrize("days", [[], [0], [0, 1, 2], [0, 3], [0, 9, 10]])
def test_other_gaps_are_not(run_model, days):
    assert found(run_model, anna=days) == []


def test_the_days_of_another_person_fill_no_gap(run_model):
    assert found(run_model, anna=[0, 2], ben=[0, 1, 2]) == [("anna", 2)]
    assert found(run_model, anna=[0, 2], ben=[1]) == [("anna", 2)]
