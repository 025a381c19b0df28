"""What a table remembers of its changes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lakehouse import windows
from lakehouse.state import Change, TableState
from lakehouse.windows import ALL_TIME, Window


def day(number):
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return Window(start, start + timedelta(days=1))


def after(*days):
    """A state with a change of each of the days; the versions are v0, v1, …"""
    state = TableState("code", (Change("v0", (ALL_TIME,)),))
    for number, each in enumerate(days, 1):
        state = state.after(Change(f"v{number}", (day(each),)))
    return state


@given(st.lists(st.integers(0, 20), max_size=8), st.integers(0, 8))
def test_changed_since_is_the_union_of_the_later_changes(days, known):
    known = min(known, len(days))
    expected = windows.union(map(day, days[known:]))
    assert after(*days).changed_since(f"v{known}") == expected


def test_an_unknown_version_means_everything():
    assert after(1, 2).changed_since("another") == (ALL_TIME,)


def test_never_read_means_everything():
    assert after(1).changed_since(None) == (ALL_TIME,)


def test_a_version_too_long_ago_means_everything():
    assert after(*range(200)).changed_since("v1") == (ALL_TIME,)


def test_the_property_gives_the_same_state_back():
    state = TableState("code", after(1, 4).changes, {"parent": "v3"}, (day(2), day(7)))
    assert TableState.from_property(state.to_property()) == state
