"""Episodes of low and high glucose (Battelino 2023)."""

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import QUICK
from traces import MIDNIGHT, NOON, build, entries, facts, over
from witness.comparison import differences
from witness.moments import Home, instant
from witness.readings import Person, Reading
from witness.tables import Tables

from models.marts import mrt_glucose_episodes

OK, LOW, VERY_LOW, HIGH, VERY_HIGH = 100, 65, 50, 200, 260


def found(run_model, *traces, kind="hypo", level=1):
    rows = build(run_model, mrt_glucose_episodes, *traces)
    return [row for row in rows if (row["kind"], row["level"]) == (kind, level)]


def minutes(rows):
    """Start and end of each episode, in minutes after midnight."""
    return [
        tuple((row[edge] - MIDNIGHT) / timedelta(minutes=1) for edge in ("started_at", "ended_at"))
        for row in rows
    ]


@pytest.mark.long
def test_an_episode(run_model):
    (row,) = found(run_model, entries([OK, LOW, 60, LOW, OK, OK, OK], start=NOON))
    assert row["started_at"] == NOON + timedelta(minutes=5)
    assert row["ended_at"] == NOON + timedelta(minutes=20)
    assert row["local_date"] == date(2024, 3, 15)
    assert row["duration_minutes"] == 15
    assert row["extreme_mg_dl"] == 60
    assert row["is_extended"] is False


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("values", "episodes"),
    [
        ([OK, LOW, LOW, OK, OK, OK], []),  # 10 minutes
        ([LOW, LOW, LOW, OK, OK, OK], [(0, 15)]),
        ([LOW, OK, LOW, OK, LOW, OK, OK, OK], []),
        ([LOW] * 3 + [OK] * 2 + [LOW] * 3 + [OK] * 3, [(0, 40)]),  # 10 minutes back end nothing
        ([LOW] * 3 + [OK] * 3 + [LOW] * 3 + [OK] * 3, [(0, 15), (30, 45)]),
        ([LOW] * 3 + [OK] * 2 + [LOW] * 2 + [OK] * 3, [(0, 35)]),  # the end is the way back
        ([LOW] * 4, [(0, 20)]),  # not over yet
        ([LOW] * 3 + [OK] * 2, [(0, 15)]),
        ([70] * 9, []),
        ([69] * 3, [(0, 15)]),
    ],
)
def test_when_episodes_start_and_end(run_model, values, episodes):
    assert minutes(found(run_model, entries(values))) == episodes


@pytest.mark.parametrize(("missing", "episodes"), [(8, 1), (9, 2)])
def test_a_gap_over_45_minutes_splits_the_trace(run_model, missing, episodes):
    trace = entries([LOW] * 3 + [None] * missing + [LOW] * 3 + [OK] * 3)
    assert len(found(run_model, trace)) == episodes


@pytest.mark.long
def test_level_1_includes_level_2(run_model):
    rows = build(
        run_model, mrt_glucose_episodes, entries([OK, LOW, *[VERY_LOW] * 3, LOW, OK, OK, OK])
    )
    spans = {(row["kind"], row["level"]): row["duration_minutes"] for row in rows}
    assert spans == {("hypo", 1): 25, ("hypo", 2): 15}


@pytest.mark.long
def test_high_glucose(run_model):
    trace = entries([OK, HIGH, *[VERY_HIGH] * 3, HIGH, OK, OK, OK])
    (mild,) = found(run_model, trace, kind="hyper")
    (severe,) = found(run_model, trace, kind="hyper", level=2)
    assert (mild["duration_minutes"], severe["duration_minutes"]) == (25, 15)
    assert mild["extreme_mg_dl"] == VERY_HIGH


@pytest.mark.parametrize(("kind", "edge"), [("hypo", 70), ("hyper", 180)])
def test_the_limit_itself_is_in_range(run_model, kind, edge):
    assert found(run_model, entries([edge] * 9), kind=kind) == []


@pytest.mark.parametrize(("readings", "extended"), [(24, False), (25, True)])
def test_extended_is_more_than_two_hours(run_model, readings, extended):
    (row,) = found(run_model, entries([LOW] * readings + [OK] * 3))
    assert row["is_extended"] is extended


def test_high_glucose_is_not_called_extended(run_model):
    (row,) = found(run_model, entries([HIGH] * 40), kind="hyper")
    assert row["is_extended"] is False


@pytest.mark.long
def test_a_fast_sensor_has_no_more_episodes(run_model):
    trace = entries([OK] * 5 + [LOW] * 14 + [60] + [OK] * 20, every=1)
    (row,) = found(run_model, trace)
    assert (row["duration_minutes"], row["extreme_mg_dl"]) == (15, 60)
    assert found(run_model, entries([OK] * 5 + [LOW] * 9 + [OK] * 20, every=1)) == []


def test_a_slow_sensor(run_model):
    trace = entries([OK, LOW, LOW, OK, OK], every=15)
    (row,) = found(run_model, trace)
    assert row["duration_minutes"] >= 15


def test_readings_between_the_minutes_of_the_clock(run_model):
    trace = entries([OK, 60, 58, 60, 60, OK, OK, OK], start=MIDNIGHT + timedelta(minutes=2))
    (row,) = found(run_model, trace)
    assert minutes([row]) == [(10, 25)]
    assert row["extreme_mg_dl"] == 58


def test_the_date_is_local(run_model):
    (row,) = found(run_model, entries([LOW] * 3, start=NOON, timezone="Pacific/Auckland"))
    assert row["local_date"] == date(2024, 3, 16)


def test_sites_are_apart(run_model):
    rows = found(run_model, entries([LOW] * 2), entries([LOW] * 2, NOON, site="bob"))
    assert rows == []


def test_six_hours_without_a_decision_split_the_trace(run_model):
    restless = [OK, LOW] * 37
    trace = entries([LOW] * 3 + restless + [LOW] * 2 + [OK] * 3)
    assert [span[0] for span in minutes(found(run_model, trace))] == [0, 380]


def test_nothing_gives_nothing(run_model):
    assert run_model(mrt_glucose_episodes) == []


def walk(seed):
    """A restless trace around a limit, with gaps, at any cadence and phase."""
    chance = Random(seed)
    every = chance.choice([1, 5, 5, 15])
    limit = chance.choice([54, 70, 70, 180, 250])
    values, level = [], limit
    for _ in range(400):
        level = min(max(level + chance.randint(-9, 9), limit - 15, 40), limit + 15)
        values.append(None if chance.random() < 0.05 else level)
    for _ in range(3):
        start = chance.randrange(400)
        values[start : start + 12] = [None] * len(values[start : start + 12])
    return entries(values, start=MIDNIGHT + timedelta(minutes=chance.randrange(5)), every=every)


@QUICK
@given(st.integers(0, 2**32))
def test_episodes_agree_with_plain_python(run_model, seed):
    readings = facts(run_model, walk(seed))
    trace = [
        Reading(instant(row["reading_timestamp"]), row["glucose_mg_dl"], row["entry_id"])
        for row in readings
    ]
    rows = over(run_model, mrt_glucose_episodes, readings)
    plain = Tables(Person("anna", Home("UTC"), trace)).mrt_glucose_episodes()
    assert differences("mrt_glucose_episodes", rows, plain) == []
