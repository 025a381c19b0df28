"""One person's trace is counted once, whoever uploads it."""

from datetime import timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_settings import QUICK
from traces import MIDNIGHT, NOON, entries, facts

DAY = [100] * 288


def later(**passed):
    return MIDNIGHT + timedelta(**passed)


def in_time(rows):
    """Glucose in order of time."""
    return [row["glucose_mg_dl"] for row in sorted(rows, key=lambda row: row["reading_timestamp"])]


def minutes(rows):
    return [(row["reading_timestamp"] - MIDNIGHT) / timedelta(minutes=1) for row in rows]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "values",
    [[100] * 6, [100, None, None, *[90] * 4], [100]],
    ids=["regular", "gaps", "one"],
)
@pytest.mark.parametrize("device", ["phone", None])
@pytest.mark.parametrize("every", [1, 5, 15])
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


@pytest.mark.sample(2)
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


@pytest.mark.long
def test_a_new_phone_at_noon(run_model):
    rows = facts(
        run_model,
        entries([100] * 146, device="old"),
        entries([100] * 144, start=NOON + timedelta(seconds=150), device="new"),
    )
    assert 288 <= len(rows) <= 289
    assert {row["device"] for row in rows} == {"new", "old"}


@pytest.mark.long
def test_a_gap_that_is_no_gap_is_not_filled(run_model):
    rows = facts(
        run_model,
        entries([100, 100, None, 100, 100, 100], device="a"),
        entries([100] * 3, start=later(seconds=150), device="b"),
    )
    assert {row["device"] for row in rows} == {"a"}


@pytest.mark.long
def test_a_one_minute_sensor_and_its_five_minute_bridge(run_model):
    rows = facts(
        run_model,
        entries([100] * 1440, every=1, device="phone"),
        entries(DAY, start=later(seconds=20), device="bridge"),
    )
    assert len(rows) == 1440


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.sample(4)
@pytest.mark.parametrize("device", ["phone", None])
@pytest.mark.parametrize("every", [1, 5, 15])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.4, 0.5, 0.6, 0.8, 0.95])
def test_two_phones_under_one_name_count_once(run_model, device, every, share):
    values = [100] * (720 // every)
    start = MIDNIGHT + timedelta(minutes=every * share)
    rows = facts(
        run_model,
        entries(values, every=every, device=device),
        entries(values, start=start, every=every, device=device, name="other"),
    )
    assert len(rows) in (720 // every, 720 // every + 1)


@pytest.mark.long
def test_three_phones_without_a_name_count_once(run_model):
    rows = facts(
        run_model,
        *(
            entries([100] * 144, start=later(seconds=100 * n), device=None, name=f"{n}")
            for n in range(3)
        ),
    )
    assert len(rows) in (144, 145)


@pytest.mark.long
def test_two_traces_under_one_name_do_not_take_turns(run_model):
    rows = facts(
        run_model,
        entries([126] * 100),
        entries([344] * 90, start=later(minutes=2), name="other"),
    )
    assert set(in_time(rows)) == {126}


@pytest.mark.parametrize("every", [1, 5, 15])
@pytest.mark.parametrize("seconds", [1, 19])
def test_a_calibration_replaces_the_reading_before_it(run_model, every, seconds):
    rows = facts(
        run_model,
        entries([100] * 40, every=every),
        entries([130], start=later(minutes=20 * every, seconds=seconds), name="calibration"),
    )
    assert len(rows) == 40
    assert in_time(rows).index(130) == 20


def test_a_calibration_after_midnight_replaces_a_reading_before_it(run_model):
    rows = facts(
        run_model,
        entries([100] * 20, start=later(minutes=-5, seconds=-10)),
        entries([130], start=later(seconds=5), name="calibration"),
    )
    assert in_time(rows)[:3] == [100, 130, 100]


def test_a_fast_sensor_that_is_often_out_of_reach_is_unchanged(run_model):
    values = ([100] * 10 + [None] * 20) * 20
    assert len(facts(run_model, entries(values, every=1))) == 200


def scans(*minutes):
    return [
        row
        for minute in minutes
        for row in entries([90], start=later(minutes=minute), name=f"scan-{minute}")
    ]


def test_scans_between_readings_of_a_slow_sensor_are_kept(run_model):
    """A low that only a scan saw is a low."""
    history, scanned = entries([100] * 48, every=15), scans(4, 37, 101, 250, 253, 400, 533)
    assert len(facts(run_model, history, scanned)) == 48 + 7


def test_scans_around_midnight_are_kept(run_model):
    history = entries([100] * 20, start=later(minutes=-148), every=15)
    assert len(facts(run_model, history, scans(-1, 0, 3))) == 20 + 3


def test_scans_of_a_sensor_that_is_put_on_before_midnight_are_kept(run_model):
    """What the sensor is shows the day after."""
    history = entries([100] * 40, start=later(minutes=-98), every=15)
    assert len(facts(run_model, history, scans(-90, -61, -3))) == 40 + 3


@pytest.mark.parametrize("before", [7, 20])
@pytest.mark.parametrize("every", [5, 15])
def test_two_phones_of_a_sensor_that_is_put_on_before_midnight_count_once(run_model, every, before):
    """A few readings five minutes apart may be of any sensor: the day after shows of which."""
    values = [100] * (780 // every)
    rows = facts(
        run_model,
        entries(values, start=later(minutes=-before), every=every),
        entries(values, start=later(minutes=-before + every // 3), every=every, name="other"),
    )
    assert len(rows) in (len(values), len(values) + 1)
    assert sum(at < 0 for at in minutes(rows)) == -(-before // every)


@pytest.mark.parametrize("every", [5, 15])
def test_two_phones_of_a_sensor_that_ends_after_midnight_count_once(run_model, every):
    values = [100] * (780 // every)
    start = later(minutes=20 - 780)
    rows = facts(
        run_model,
        entries(values, start=start, every=every),
        entries(values, start=start + timedelta(minutes=every / 3), every=every, name="other"),
    )
    assert len(rows) in (len(values), len(values) + 1)


def test_a_bridge_under_the_name_of_a_fast_phone_counts_once(run_model):
    rows = facts(
        run_model,
        entries([100] * 720, every=1),
        entries([100] * 144, start=later(seconds=17), every=5, name="bridge"),
    )
    assert len(rows) == 720
    assert {row["entry_id"].split("-")[0] for row in rows} == {"phone"}


@pytest.mark.long
def test_two_fast_phones_of_one_name_fill_the_gap_of_a_bridge_with_every_minute(run_model):
    """The bridge comes first, for its name. In its gap, a low of some minutes is seen nevertheless."""
    chance = Random(1)
    fast = [
        entries([100], later(minutes=minute, seconds=late), device=None, name=name)
        for name, seconds in (("one", 20), ("two", 40))
        for minute in range(720)
        for late in [seconds + chance.randint(-2, 2)]
    ]
    bridge = entries([100] * 60 + [None] * 36 + [100] * 48, device="bridge")
    at = minutes(facts(run_model, bridge, *fast))
    assert sum(305 <= minute < 475 for minute in at) == 170


@pytest.mark.parametrize("every", [5, pytest.param(15, marks=pytest.mark.long)])
def test_an_old_phone_and_a_new_one_leave_no_hole_in_the_trace_of_a_third(run_model, every):
    """All have one name; the third one sends all day, give or take a tenth of the cadence."""
    chance, count, traces = Random(every), 1440 // every, []
    for site in map(str, range(8 * every)):
        third = entries([100] * count, later(minutes=every / 5), every=every, site=site)
        for row in third:
            row["reading_timestamp"] += timedelta(minutes=every * chance.uniform(-0.1, 0.1))
        traces.append(third)
        for half, name in ((MIDNIGHT, "old"), (NOON, "new")):
            start = half + timedelta(minutes=every * chance.random())
            traces.append(entries([100] * (count // 2), start, every=every, site=site, name=name))
    holes = {}
    for site, rows in groupby(facts(run_model, *traces), key=itemgetter("site")):
        steps = [(later - at) / every for at, later in pairwise(sorted(minutes(rows)))]
        holes[site] = [step for step in steps if step > 1.25]
    # An old phone and a new one of nearly one phase send as often as the third: one hole at noon.
    assert len(holes) == 8 * every
    assert all(len(steps) <= 1 and sum(steps) < 2 for steps in holes.values()), holes


def test_heavy_scanning_is_no_second_phone(run_model):
    chance = Random(1)
    history = entries([100] * 96, every=15)
    scanned = [15 * slot + chance.randint(1, 14) for slot in chance.sample(range(95), 30)]
    assert len(facts(run_model, history, scans(*scanned))) == 96 + 30


def test_what_two_phones_scan_counts_once(run_model):
    both = [
        facts_of
        for n, name in enumerate(["phone", "bridge"])
        for facts_of in (
            entries([100] * 48, start=later(seconds=3 * n), every=15, device=name),
            *(
                entries([90], start=later(minutes=at, seconds=3 * n), device=name)
                for at in (4, 37, 101, 250, 400, 533)
            ),
        )
    ]
    assert len(facts(run_model, *both)) == 48 + 6


@pytest.mark.long
def test_a_named_uploader_is_kept_before_one_without_a_name(run_model):
    rows = facts(
        run_model,
        entries(DAY, start=later(seconds=3), device="phone"),
        entries(DAY, device=None, name="unnamed"),
    )
    assert {row["device"] for row in rows} == {"phone"}
