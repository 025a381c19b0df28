"""What a table remembers of its changes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lakehouse import windows
from lakehouse.keys import MOST, Keys
from lakehouse.plan.state import EVERYTHING, Change, Changed, TableState
from lakehouse.windows import ALL_TIME, Window


def day(number):
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return Window(start, start + timedelta(days=1))


def after(*days):
    """A state with a change of each of the days; the versions are v0, v1, …"""
    state = TableState("code", (Change("v0", (ALL_TIME,)),))
    for number, each in enumerate(days, 1):
        state = state.with_change(Change(f"v{number}", (day(each),)))
    return state


@given(st.lists(st.integers(0, 20), max_size=8), st.integers(0, 8))
def test_changed_since_is_the_union_of_the_later_changes(days, known):
    known = min(known, len(days))
    expected = Changed(windows.union(map(day, days[known:])))
    assert after(*days).changed_since(f"v{known}") == expected


def test_an_unknown_version_means_everything():
    assert after(1, 2).changed_since("another") == EVERYTHING


def test_never_read_means_everything():
    assert after(1).changed_since(None) == EVERYTHING


def test_a_version_too_long_ago_means_everything():
    assert after(*range(200)).changed_since("v1") == EVERYTHING


def of(*sites):
    """The keys of these sites."""
    return Keys(("site",), frozenset((site,) for site in sites))


def test_keys_that_changed_are_those_of_every_later_change():
    state = (
        after(1)
        .with_change(Change("v2", (day(2),), of("a")))
        .with_change(Change("v3", (), of("b")))
    )
    state = state.with_change(Change("v4", (day(4),), of("c")))
    assert state.changed_since("v1") == Changed((day(2), day(4)), of("a", "c"))


def test_one_change_of_unknown_keys_means_any_key():
    state = (
        after(1).with_change(Change("v2", (day(2),), of("a"))).with_change(Change("v3", (day(3),)))
    )
    assert state.changed_since("v1").keys is None


def test_more_keys_than_are_told_apart_mean_any_key():
    state = after(1).with_change(Change("v2", (day(2),), of(*range(MOST + 1))))
    assert state.changed_since("v1").keys is None


def test_a_property_without_keys_means_any_key():
    text = '{"fingerprint":"code","parents":{},"covered":[],"changes":[["v1",[]]]}'
    assert TableState.from_property(text) == TableState("code", (Change("v1", ()),))


def test_the_property_gives_the_same_state_back():
    changes = (*after(1, 4).changes, Change("v9", (day(1),), of("a", None)))
    state = TableState("code", changes, {"parent": "v3"}, (day(2), day(7)))
    assert TableState.from_property(state.to_property()) == state
