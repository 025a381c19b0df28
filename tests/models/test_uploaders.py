"""One person's trace is counted once, whoever uploads it."""

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import QUICK
from traces import MIDNIGHT, NOON, entries, facts

DAY = [100] * 288


def later(**passed):
    return MIDNIGHT + timedelta(**passed)


def minutes(rows):
    return [(row["reading_timestamp"] - MIDNIGHT) / timedelta(minutes=1) for row in rows]


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    "values",
    [[100] * 6, [100, None, None, 90, 90], [100]],
    ids=["regular", "gaps", "one"],
)
@pytest.mark.parametrize("device", ["phone", None])
@pytest.mark.parametrize("every", [1, 5, 15, 0.05])
def test_a_single_uploader_is_unchanged(run_model, values, device, every):
    trace = entries(values, every=every, device=device)
    kept = facts(run_model, trace)
    assert [row["entry_id"] for row in kept] == [row["entry_id"] for row in trace]


def test_a_moment_counts_once(run_model):
    rows = facts(run_model, entries([100], name="b"), entries([101], name="a"))
    assert [row["glucose_mg_dl"] for row in rows] == [101]


def test_a_moment_that_comes_three_times_counts_once(run_model):
    rows = facts(run_model, *(entries([100, 101], name=name) for name in "cab"))
    assert [row["entry_id"][0] for row in rows] == ["a", "a"]
    assert rows[1]["minutes_since_last_reading"] == 5


@pytest.mark.sample(4)
@pytest.mark.parametrize("seconds", [0, 3, 60, 150, 225, 240, 270, 299])
@pytest.mark.parametrize("uploaders", [2, 3])
def test_uploaders_at_any_offset(run_model, seconds, uploaders):
    rows = facts(
        run_model,
        *(
            entries(DAY * 3, start=later(seconds=seconds * number), device=f"phone {number}")
            for number in range(uploaders)
        ),
    )
    days = [sum(day * 1440 <= at < (day + 1) * 1440 for at in minutes(rows)) for day in range(3)]
    assert days[:2] == [288, 288]
    assert days[2] <= 289  # where one trace ends, the other may go on


def test_the_uploader_that_covers_most_is_kept(run_model):
    rows = facts(
        run_model,
        entries([100] * 20, device="a"),
        entries([100] * 21, start=later(seconds=3), device="b"),
    )
    assert {row["device"] for row in rows} == {"b"}


def test_among_equals_the_name_decides(run_model):
    one, two = entries(DAY, device="a"), entries(DAY, start=later(seconds=3), device="b")
    assert {row["device"] for row in facts(run_model, two, one)} == {"a"}


def test_another_uploader_fills_a_gap(run_model):
    rows = facts(
        run_model,
        entries([100] * 10 + [None] * 4 + [100] * 10, device="a"),
        entries([100] * 18, start=later(seconds=3), device="b"),
    )
    filled = [at for at, row in zip(minutes(rows), rows, strict=True) if row["device"] == "b"]
    assert filled == pytest.approx([50.05, 55.05, 60.05, 65.05])


def test_a_new_phone_at_noon(run_model):
    rows = facts(
        run_model,
        entries([100] * 146, device="old"),
        entries([100] * 144, start=NOON + timedelta(seconds=150), device="new"),
    )
    assert 288 <= len(rows) <= 289
    assert {row["device"] for row in rows} == {"new", "old"}


def test_a_gap_that_is_no_gap_is_not_filled(run_model):
    rows = facts(
        run_model,
        entries([100, 100, None, 100, 100, 100], device="a"),
        entries([100] * 3, start=later(seconds=150), device="b"),
    )
    assert {row["device"] for row in rows} == {"a"}


def test_a_one_minute_sensor_and_its_five_minute_bridge(run_model):
    rows = facts(
        run_model,
        entries([100] * 1440, every=1, device="phone"),
        entries(DAY, start=later(seconds=20), device="bridge"),
    )
    assert len(rows) == 1440


def test_midnight_is_no_loophole(run_model):
    """Near midnight, readings of another day are neighbours too."""
    rows = facts(
        run_model,
        entries(DAY * 2, device="a"),
        entries(DAY * 2, start=later(seconds=240), device="b"),
    )
    assert sum(at < 1440 for at in minutes(rows)) == 288


def test_sites_are_several_people(run_model):
    rows = facts(run_model, entries([100] * 5, site="anna"), entries([100] * 5, site="bob"))
    assert len(rows) == 10


def uploads(seed):
    """A day and a half of one sensor, as several uploaders saw it."""
    chance = Random(seed)
    every = chance.choice([1, 5, 15])
    rows = []
    for number in range(chance.randint(1, 4)):
        off = timedelta(seconds=chance.choice([0, 3, chance.randrange(every * 60)]))
        lost = []
        for _ in range(chance.randint(0, 4)):
            start = MIDNIGHT + timedelta(minutes=chance.randrange(2160))
            lost.append((start, start + timedelta(minutes=chance.randrange(600))))
        rows.append(
            [
                row
                for row in entries(
                    [100] * (2160 // every), start=MIDNIGHT + off, every=every, device=f"d{number}"
                )
                if not any(start <= row["reading_timestamp"] < end for start, end in lost)
            ]
        )
    return every, [trace for trace in rows if trace]


def covered(times, every):
    """Minutes of a sorted trace: each reading covers up to a cadence."""
    return sum(min(b - a, every) for a, b in pairwise(times)) + (every if times else 0)


@QUICK
@given(st.integers(0, 2**32))
def test_what_one_sensor_gives(run_model, seed):
    every, traces = uploads(seed)
    kept = facts(run_model, *traces)
    times = sorted(minutes(kept))
    for day in (0, 1):
        here = [at for at in times if day * 1440 <= at < (day + 1) * 1440]
        best = max(
            covered([at for at in minutes(trace) if day * 1440 <= at < (day + 1) * 1440], every)
            for trace in traces
        )
        assert len(here) <= 1440 / every + 1
        assert covered(here, every) >= best - 1e-6


@pytest.mark.long
@QUICK
@given(st.integers(0, 2**32))
def test_the_order_of_arrival_does_not_matter(run_model, seed):
    rows = [row for trace in uploads(seed)[1] for row in trace]
    expected = facts(run_model, rows)
    Random(seed).shuffle(rows)
    assert facts(run_model, rows) == expected
