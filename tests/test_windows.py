"""The algebra of windows."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse import windows
from lakehouse.windows import ALL_TIME, Window, parse_duration

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


@st.composite
def window(draw):
    start = draw(st.integers(0, 200))
    return Window(
        EPOCH + timedelta(hours=start),
        EPOCH + timedelta(hours=start + draw(st.integers(1, 60))),
    )


many = st.lists(window(), max_size=6)


def hours(some):
    """The hours that windows hold: an independent model of them."""
    found = set()
    for each in some:
        at = each.start
        while at < each.end:
            found.add(at)
            at += timedelta(hours=1)
    return found


@given(many)
def test_union_keeps_every_instant_and_no_other(some):
    assert hours(windows.union(some)) == hours(some)


@given(many)
def test_union_is_sorted_and_leaves_gaps(some):
    joined = windows.union(some)
    assert all(a.end < b.start for a, b in pairwise(joined))


@given(many, many)
def test_intersect_is_what_both_hold(left, right):
    assert hours(windows.intersect(left, right)) == hours(left) & hours(right)


@given(many, many)
def test_subtract_is_what_only_the_left_holds(left, right):
    assert hours(windows.subtract(left, right)) == hours(left) - hours(right)


@given(many)
def test_json_gives_the_same_windows_back(some):
    joined = windows.union(some)
    assert windows.from_json(windows.to_json(joined)) == joined


@given(window(), st.sampled_from(["hour", "day", "month"]))
def test_a_snapped_window_holds_the_window_and_whole_grains(each, grain):
    snapped = each.snap(grain)
    assert snapped.start <= each.start
    assert each.end <= snapped.end
    assert snapped.snap(grain) == snapped


@given(window(), st.integers(1, 50))
def test_pieces_make_up_the_window(each, length):
    pieces = list(each.pieces(timedelta(hours=length)))
    assert windows.union(pieces) == (each,)
    assert all(piece.end - piece.start <= timedelta(hours=length) for piece in pieces)


def test_all_time_cannot_grow():
    assert ALL_TIME.widen(timedelta(days=1), timedelta(days=1)).snap("month") == ALL_TIME


@pytest.mark.parametrize(("day", "length"), [(date(2024, 3, 31), 23), (date(2024, 10, 27), 25)])
def test_a_local_day_has_its_real_length(day, length):
    each = Window.of_days(day, day, ZoneInfo("Europe/Oslo"))
    assert each.end - each.start == timedelta(hours=length)


def test_a_window_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        Window(datetime(2024, 1, 1), EPOCH)  # noqa: DTZ001 - that is the point


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="ends after it starts"):
        Window(EPOCH, EPOCH)


@pytest.mark.parametrize(
    ("text", "length"),
    [("90s", timedelta(seconds=90)), ("1h", timedelta(hours=1)), ("2d", timedelta(days=2))],
)
def test_durations_have_a_unit(text, length):
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "1", "h", "1.5h", "-1h", "1 fortnight"])
def test_a_duration_without_a_known_unit_is_refused(text):
    with pytest.raises(ValueError, match="such as '1h'"):
        parse_duration(text)
