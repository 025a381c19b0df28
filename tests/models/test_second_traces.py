"""Warnings of two traces under one person's name."""

from datetime import timedelta
from random import Random

import pytest
from traces import MIDNIGHT, build, entries, facts

from models.marts import mrt_glucose_overview
from models.second_traces import no_trace_comes_again_at_another_hour, traces_of_a_person_agree


def wave(count, seed=1):
    """Glucose of a restless day."""
    chance, level, values = Random(seed), 120, []
    for _ in range(count):
        level = min(max(level + chance.randint(-12, 12), 45), 320)
        values.append(level)
    return values


def later(**passed):
    return MIDNIGHT + timedelta(**passed)


def disagreeing(run_model, *traces):
    days = build(run_model, mrt_glucose_overview, *traces)
    return [
        row["message"] for row in run_model(traces_of_a_person_agree, mrt_glucose_overview=days)
    ]


def again(run_model, *traces):
    rows = [row for trace in traces for row in trace]
    readings = facts(run_model, rows)
    found = run_model(
        no_trace_comes_again_at_another_hour,
        stg_glucose_entries=rows,
        fct_glucose_readings=readings,
    )
    return [row["message"] for row in found]


def test_two_traces_that_disagree_are_told_with_person_and_day(run_model):
    found = disagreeing(
        run_model, entries([126] * 40), entries([344] * 40, start=later(minutes=1), name="other")
    )
    assert found == [
        "anna: two traces disagree on 2024-03-15, such as 126 and 344 mg/dL within minutes"
    ]


@pytest.mark.long
def test_a_day_on_which_two_traces_disagree_says_so_whatever_its_status(run_model):
    """The low is in the trace that gives way: the day looks harmless."""
    low = entries([60] * 40, start=later(minutes=1), device=None, name="other")
    traces = entries([126] * 40), low
    (day,) = build(run_model, mrt_glucose_overview, *traces)
    assert day["day_status"] == "OK"
    assert "two traces disagree by more than a sensor's noise" in day["status_reasons"]


@pytest.mark.long
def test_a_day_before_two_traces_disagree_does_not_say_so(run_model):
    start = later(hours=-1)
    traces = entries([126] * 24, start=start), entries([344] * 12, start=later(minutes=1), name="b")
    days = build(run_model, mrt_glucose_overview, *traces)
    assert ["disagree" in day["status_reasons"] for day in days] == [False, True]


@pytest.mark.sample(1)
@pytest.mark.parametrize("device", ["phone", "bridge", None])
def test_two_phones_of_one_sensor_agree(run_model, device):
    trace = wave(288)
    again = entries(trace, start=later(seconds=150), device=device, name="b")
    assert disagreeing(run_model, entries(trace), again) == []


@pytest.mark.long
def test_a_single_trace_that_jumps_is_no_second_one(run_model):
    assert disagreeing(run_model, entries([100, 250] * 5 + [100] * 40)) == []


@pytest.mark.long
@pytest.mark.parametrize("minutes", [15, 60, 330])
def test_the_same_trace_at_another_hour_is_told(run_model, minutes):
    trace = wave(288)
    shifted = entries(trace, start=later(minutes=minutes), name="b")
    found = again(run_model, entries(trace), shifted)
    assert f"anna: the trace of 2024-03-15 comes again {minutes} minutes later" in found


@pytest.mark.long
def test_the_same_trace_at_the_same_hour_is_no_other(run_model):
    trace = wave(288)
    assert again(run_model, entries(trace), entries(trace, start=later(seconds=20), name="b")) == []


def test_glucose_that_does_not_move_is_alike_at_any_hour(run_model):
    flat = [401] * 288
    assert again(run_model, entries(flat), entries(flat, start=later(seconds=20), name="b")) == []
