"""How large tables are cut."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import at, event

from lakehouse.plan import file_spans
from lakehouse.plan.file_spans import (
    FILE_ROWS,
    LARGE_ROWS,
    MONTH_ROWS,
    PIECE_ROWS,
    FileSpan,
    file_span,
    pieces,
)
from lakehouse.windows import ALL_TIME, GRAINS, Window, floor, union

START = datetime(2024, 1, 1, tzinfo=UTC)


def days(first, last):
    return Window(START + timedelta(days=first), START + timedelta(days=last))


YEAR = (days(0, 360),)

windows = st.builds(
    lambda first, length: days(first, first + length), st.integers(-400, 400), st.integers(1, 400)
)


@given(
    st.lists(windows, max_size=3).map(union) | st.just((ALL_TIME,)),
    st.integers(0, 40 * LARGE_ROWS),
    st.lists(windows, max_size=2).map(union),
    st.sampled_from(GRAINS),
    st.integers(0, 40).map(lambda days: timedelta(days=days)),
)
def test_pieces_make_up_the_windows_and_keep_grains_whole(asked, rows, covered, grain, reach):
    asked = union(window.snap(grain) for window in asked)
    found = pieces(asked, rows, covered, grain, reach=reach, span=file_span(rows, covered))
    assert union(found) == asked
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert all(floor(piece.start, grain) == piece.start for piece in found)


def test_a_large_table_is_built_in_pieces_that_end_with_a_month():
    found = pieces((ALL_TIME,), 4 * PIECE_ROWS, (days(0, 800),), "day", span=FileSpan())
    assert [str(piece.end.date()) for piece in found[:-1]] == [
        "2024-08-01",
        "2025-03-01",
        "2025-09-01",
    ]


def test_pieces_end_where_files_do_if_they_hold_whole_ones():
    found = pieces((ALL_TIME,), 12 * PIECE_ROWS, YEAR, "day", span=FileSpan(15))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert len(found) == 12
    assert all((piece.end - epoch).days % 15 == 0 for piece in found[:-1])


@pytest.mark.long
@given(
    st.integers(2, 400),
    st.sampled_from(["hour", "day"]),
    st.sampled_from([None, 1, 3, 17]),
    st.integers(1, 60),
)
def test_no_piece_needs_much_more_than_it_should(times, grain, span, length):
    covered = days(0, length)
    found = pieces((covered,), times * LARGE_ROWS, (covered,), grain, span=FileSpan(span))
    wanted = (covered.end - covered.start) / (times * (LARGE_ROWS // PIECE_ROWS))
    most = 2 * wanted + timedelta(**{f"{grain}s": 1})
    assert max(piece.end - piece.start for piece in found) <= most


def test_a_piece_is_ten_times_as_long_as_what_it_reads_beside_itself():
    found = pieces((ALL_TIME,), 36 * PIECE_ROWS, YEAR, "day", reach=timedelta(days=2))
    assert {piece.end - piece.start for piece in found[1:-1]} == {timedelta(days=20)}


def test_a_piece_reads_no_more_than_fits_however_far_it_looks():
    found = pieces((ALL_TIME,), 36 * LARGE_ROWS, YEAR, "day", reach=timedelta(days=300_000_000))
    assert {piece.end - piece.start for piece in found[1:-1]} == {timedelta(days=10)}


@given(st.integers(0, 350), st.integers(1, 10))
def test_a_few_days_of_a_large_table_are_one_piece(first, length):
    window = days(first, first + length)
    assert pieces((window,), 36 * PIECE_ROWS, YEAR, "day") == (window,)


@pytest.mark.parametrize(
    ("a_month", "days"),
    [
        (0, None),
        (MONTH_ROWS, None),
        (MONTH_ROWS + 1_000, 16),
        (FILE_ROWS, 16),
        (2 * FILE_ROWS, 16),
        (4 * FILE_ROWS, 8),
        (30 * FILE_ROWS, 1),
        (1_000 * FILE_ROWS, 1),
    ],
)
def test_a_file_holds_a_month_or_the_fewer_days_the_more_rows_it_has(a_month, days):
    assert file_span(12 * a_month, YEAR) == FileSpan(days)


@given(st.integers(1, 10_000).map(lambda thousands: thousands * 1_000), st.integers(1, 60))
def test_a_table_that_grows_with_time_keeps_the_span_of_its_files(a_month, months):
    assert file_span(a_month * months, (days(0, 30 * months),)) == file_span(
        a_month, (days(0, 30),)
    )


@given(windows, st.integers(MONTH_ROWS + 1, 10**8), st.integers(1, 100))
def test_files_of_a_denser_table_lie_in_those_of_a_sparser_one(window, a_month, times):
    sparse, dense = (file_span(12 * rows, YEAR) for rows in (a_month, a_month * times))
    assert dense.around(sparse.around(window)) == sparse.around(window)


@given(windows, st.integers(1, 20))
def test_the_files_around_a_window_are_whole_and_hold_it(window, days):
    around = FileSpan(days).around(window)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert around.start <= window.start
    assert around.end >= window.end
    assert around.end - around.start < window.end - window.start + 2 * timedelta(days=days)
    assert all((edge - epoch).days % days == 0 for edge in (around.start, around.end))


@pytest.fixture
def large(monkeypatch):
    """Tables of a few rows are laid out as large ones."""
    monkeypatch.setattr(file_spans, "MONTH_ROWS", 0)
    monkeypatch.setattr(file_spans, "FILE_ROWS", 1)
    monkeypatch.setattr(file_spans, "SMALL_FILE_ROWS", 1)


def files(toy, table):
    """The data files of a table, by the days of their rows."""
    found = toy.session.catalog.files("main", table)
    return {file.path for file in found}


@pytest.mark.long
@pytest.mark.parametrize("table", ["raw.events", "silver.steps"])
def test_one_more_day_of_a_large_table_leaves_the_files_of_other_days(toy, source, large, table):
    source.rows = [event(f"{day}-{n}", 1, at(day, n)) for day in range(6) for n in range(8)]
    toy.run(0, 5)
    before = files(toy, table)
    source.rows.append(event("late", 1, at(2)))
    toy.run(2)
    assert len(before) == 6
    assert len(before - files(toy, table)) == {"raw.events": 0, "silver.steps": 2}[table]


@pytest.mark.long
def test_one_more_day_of_a_small_table_keeps_a_file_a_month(toy, source):
    source.rows = [event(str(day), 1, at(day)) for day in range(6)]
    for day in range(6):
        toy.run(day)
    assert len(files(toy, "raw.events")) == len(files(toy, "silver.steps")) == 1


MARCH = Window(datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))
LATE = Window(datetime(2024, 3, 31, 23, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC))
APRIL = Window(datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 4, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("days", "other", "is_about"),
    [(None, 15, True), (15, None, True), (None, 14, False), (1, 2, True), (1, 3, False)],
)
def test_a_span_is_about_another_of_up_to_twice_its_time(days, other, is_about):
    assert FileSpan(days).is_about(FileSpan(other)) is is_about


@pytest.mark.parametrize(
    ("times", "column"),
    [
        ([MARCH, LATE], None),
        ([LATE, APRIL], "at"),
        ([LATE, None], "at"),
        ([ALL_TIME], "at"),
        ([], "at"),
    ],
)
def test_rows_are_divided_unless_one_file_holds_their_time(times, column):
    assert file_spans.divided_by("at", FileSpan(), times) == column


def test_days_are_told_apart_where_files_are_of_days():
    three = FileSpan(3)
    first = three.around(LATE)
    assert file_spans.divided_by("at", three, [first]) is None
    assert file_spans.divided_by(
        "at", three, [first, Window(first.end, MARCH.end.replace(month=5))]
    )
