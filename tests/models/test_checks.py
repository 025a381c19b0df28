"""Checks find what they are for, and nothing in what the models build."""

from datetime import timedelta
from pathlib import Path

import pytest
from traces import MIDNIGHT, NOON, entries, facts, over

from lakehouse import config
from lakehouse.declare import project
from models import checks
from models.gold import int_glucose_values, mrt_glucose_readings
from models.marts import mrt_glucose_episodes, mrt_glucose_overview, mrt_glucose_periods


@pytest.fixture
def built(run_model):
    readings = facts(run_model, entries([60] * 9 + [100] * 90 + [200] * 9))
    return {
        "fct_glucose_readings": readings,
        "mrt_glucose_readings": run_model(mrt_glucose_readings, fct_glucose_readings=readings),
        **{
            model.__name__: over(run_model, model, readings)
            for model in (
                int_glucose_values,
                mrt_glucose_overview,
                mrt_glucose_episodes,
                mrt_glucose_periods,
            )
        },
    }


CUSTOM = {
    checks.categories_add_up: ["mrt_glucose_readings"],
    checks.values_make_up_the_hours: ["int_glucose_values", "mrt_glucose_readings"],
    checks.overview_counts_every_reading: ["mrt_glucose_overview", "fct_glucose_readings"],
    checks.dangerous_days_say_so: ["mrt_glucose_overview", "mrt_glucose_episodes"],
    checks.episodes_do_not_overlap: ["mrt_glucose_episodes"],
    checks.shares_of_a_period_add_up: ["mrt_glucose_periods"],
}


@pytest.mark.long
@pytest.mark.parametrize("check", CUSTOM, ids=lambda check: check.__name__)
def test_what_the_models_build_is_good(run_model, built, check):
    assert run_model(check, **{name: built[name] for name in CUSTOM[check]}) == []


@pytest.mark.long
def test_two_readings_of_a_moment_are_found(run_model):
    known = project.load(config.load(Path(__file__).parent))
    moments = next(
        check
        for check in known.checks["one_reading_per_moment"].checks
        if check.columns_used == ("site", "reading_timestamp")
    )

    def repeated(fct_glucose_readings):
        return moments.offending(fct_glucose_readings, {})

    rows = [{"site": "anna", "reading_timestamp": NOON, "entry_id": name} for name in "ab"]
    assert len(run_model(repeated, fct_glucose_readings=rows)) == 1


@pytest.mark.long
def test_a_reading_that_the_overview_lacks_is_found(run_model, built):
    more = facts(run_model, entries([100] * 109))
    found = run_model(
        checks.overview_counts_every_reading,
        mrt_glucose_overview=built["mrt_glucose_overview"],
        fct_glucose_readings=more,
    )
    assert len(found) == 1


@pytest.mark.long
def test_a_day_that_the_overview_lacks_is_found(run_model, built):
    found = run_model(
        checks.overview_counts_every_reading,
        fct_glucose_readings=built["fct_glucose_readings"],
    )
    assert len(found) == 1


@pytest.mark.long
def test_a_reading_in_no_category_is_found(run_model, built):
    (row, *_) = built["mrt_glucose_readings"]
    wrong = [{**row, "in_range_count": row["in_range_count"] + 1}]
    assert len(run_model(checks.categories_add_up, mrt_glucose_readings=wrong)) == 1


@pytest.mark.long
def test_episodes_that_overlap_are_found(run_model):
    rows = [
        {"site": "anna", "kind": "hypo", "level": 1, "started_at": start, "ended_at": NOON}
        for start in (MIDNIGHT, MIDNIGHT.replace(hour=1))
    ]
    assert len(run_model(checks.episodes_do_not_overlap, mrt_glucose_episodes=rows)) == 1


@pytest.mark.parametrize(
    ("kind", "level", "minutes", "status", "wrong"),
    [
        ("hypo", 1, 20, "OK", 1),
        ("hypo", 1, 20, "ALERT", 1),
        ("hypo", 1, 20, "CRITICAL", 0),
        ("hypo", 1, 15, "OK", 0),
        ("hyper", 2, 30, "OK", 1),
        ("hyper", 2, 30, "ALERT", 0),
        ("hyper", 2, 30, "CRITICAL", 0),
        ("hyper", 1, 30, "OK", 0),
    ],
)
def test_a_dangerous_day_that_does_not_say_so_is_found(
    run_model, kind, level, minutes, status, wrong
):
    day = {"site": "anna", "local_date": NOON.date(), "local_end_date": NOON.date()}
    found = run_model(
        checks.dangerous_days_say_so,
        mrt_glucose_overview=[{"site": "anna", "reading_date": NOON.date(), "day_status": status}],
        mrt_glucose_episodes=[{**day, "kind": kind, "level": level, "duration_minutes": minutes}],
    )
    assert len(found) == wrong


def test_an_episode_over_midnight_says_nothing_of_its_day(run_model):
    found = run_model(
        checks.dangerous_days_say_so,
        mrt_glucose_overview=[{"site": "anna", "reading_date": NOON.date(), "day_status": "OK"}],
        mrt_glucose_episodes=[
            {
                "site": "anna",
                "kind": "hypo",
                "level": 1,
                "local_date": NOON.date(),
                "local_end_date": NOON.date() + timedelta(days=1),
                "duration_minutes": 30,
            }
        ],
    )
    assert found == []


@pytest.mark.long
def test_shares_that_do_not_add_up_are_found(run_model):
    rows = [{"percent_below_70": 10, "percent_in_range": 80, "percent_above_180": 9}]
    assert len(run_model(checks.shares_of_a_period_add_up, mrt_glucose_periods=rows)) == 1


@pytest.mark.long
def test_ready_checks_are_about_columns_that_exist(run_model):
    known = project.load(config.load(Path(__file__).parent))
    for spec in known.checks.values():
        columns = set(run_model.schema(spec.inputs[0]))
        used = {column for check in spec.checks for column in check.columns_used}
        assert used <= columns, spec.name


def test_only_what_is_about_now_or_the_source_lets_a_run_pass():
    known = project.load(config.load(Path(__file__).parent))
    assert {spec.name for spec in known.checks.values() if not spec.blocking} == {
        "glucose_does_not_fall_rapidly",
        "glucose_is_not_high",
        "glucose_is_not_low",
        "glucose_is_not_urgently_low",
        "no_day_between_two_others_is_empty",
        "no_trace_comes_again_at_another_hour",
        "readings_are_fresh",
        "traces_of_a_person_agree",
    }
