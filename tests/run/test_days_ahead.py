"""Days that are not over: what of them was fetched, and what is yet to be."""

from datetime import UTC, datetime, timedelta

import pytest
from toy import FIRST, Source, at, event

from lakehouse.errors import NotYetError, SourceError
from lakehouse.system import clock
from lakehouse.windows import Window

DAY = 3
TODAY = at(DAY).date()
WHOLE = (Window(at(DAY, 0), at(DAY + 1, 0)),)


@pytest.fixture
def noon(monkeypatch):
    """Sets the clock to a moment, which is noon of the day unless told otherwise."""

    def clock_at(hour=12, minute=0, day=DAY):
        monkeypatch.setattr(clock, "now", lambda: at(day, hour, minute))

    clock_at()
    return clock_at


def missing(toy):
    return toy.session.missing(WHOLE)


def covered(toy):
    return toy.session.catalog.tables("main")["raw.events"].state.covered


@pytest.mark.long
def test_what_lies_ahead_of_a_fetch_is_missing_afterwards(toy, source, noon):
    source.rows = [event("a", 1, at(DAY, 8))]
    toy.run(DAY)
    assert missing(toy) == (Window(at(DAY, 12), at(DAY + 1, 0)),)
    noon(hour=23)
    source.rows.append(event("b", 2, at(DAY, 20)))
    toy.run(DAY)
    assert missing(toy) == (Window(at(DAY, 23), at(DAY + 1, 0)),)
    assert toy.rows("marts.total") == [{"rows": 2, "total": 3}]


@pytest.mark.long
def test_the_next_morning_the_evening_is_fetched_and_nothing_is_missing(toy, source, noon):
    toy.run(DAY)
    noon(day=DAY + 1, hour=6)
    with toy.session as session:
        (gap,) = session.missing(WHOLE)
    assert gap == Window(at(DAY, 12), at(DAY + 1, 0))
    toy.run(DAY)
    assert missing(toy) == ()


@pytest.mark.long
def test_the_evening_is_fetched_with_the_overlap_of_the_next_day(toy, source, noon):
    toy.change(overlap="1d")
    toy.run(DAY)
    noon(day=DAY + 1)
    toy.run(DAY + 1)
    assert missing(toy) == ()


@pytest.mark.long
def test_an_evening_without_rows_is_fetched_once(toy, source, noon):
    toy.run(DAY)
    noon(day=DAY + 1)
    assert toy.run(DAY).status == "done"
    assert toy.run(DAY).status == "nothing to do"


@pytest.mark.long
def test_hours_without_news_make_a_commit_a_day(toy, source, noon):
    for day in (DAY, DAY + 1):
        for hour in range(0, 24, 3):
            noon(day=day, hour=hour, minute=5)
            toy.run(day)
    assert len(toy.session.catalog.log()) == 2


@pytest.mark.long
def test_news_bring_the_time_that_was_fetched_with_them(toy, source, noon):
    toy.run(DAY)
    noon(hour=15)
    toy.run(DAY)
    assert covered(toy)[-1].end == at(DAY, 12)
    source.rows = [event("a", 1, at(DAY, 14))]
    toy.run(DAY)
    assert covered(toy)[-1].end == at(DAY, 15)


@pytest.mark.long
def test_a_day_ahead_never_counts_as_fetched(toy, source, noon):
    source.rows = [event("a", 1, at(DAY + 5))]
    toy.run(DAY + 5)
    assert toy.rows("marts.total") == [{"rows": 1, "total": 1}]
    assert covered(toy) == ()
    asked = toy.session.days(at(DAY + 5).date(), at(DAY + 5).date())
    assert toy.session.missing(asked) == asked


@pytest.mark.long
def test_what_an_earlier_version_took_for_fetched_ahead_of_time_is_missing(toy, noon):
    noon(day=DAY + 2)
    toy.run(DAY)  # as if the clock had not been asked
    noon()
    assert missing(toy) == (Window(at(DAY, 12), at(DAY + 1, 0)),)


def test_today_has_begun_and_tomorrow_has_not(toy, noon):
    toy.session.require_begun(TODAY)
    with pytest.raises(NotYetError, match=r"2024-03-05 has not begun in UTC: it is 2024-03-04"):
        toy.session.require_begun(TODAY + timedelta(days=1))


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--date"),
        ("run", "--dry-run", "--date"),
        ("plan", "--date"),
        ("backfill", "--from", f"{FIRST}", "--to"),
    ],
)
def test_a_day_that_has_not_begun_is_refused_unless_it_is_meant(lakehouse, words):
    tomorrow = f"{datetime.now(UTC).date() + timedelta(days=1)}"
    code, said = lakehouse(*words, tomorrow)
    assert (code, "has not begun" in said["error"], "--force" in said["hint"]) == (2, True, True)


@pytest.mark.long
def test_a_day_that_has_not_begun_can_be_looked_at_by_force(lakehouse):
    tomorrow = f"{datetime.now(UTC).date() + timedelta(days=1)}"
    code, nodes = lakehouse("plan", "--date", tomorrow, "--force")
    assert code == 0
    assert nodes


class Clock:
    """A clock that a source sets when it is asked, as time goes on while a run works."""

    def __init__(self, moment):
        self.moment = moment

    def __call__(self):
        return self.moment


@pytest.fixture
def ticking(monkeypatch):
    """A clock at noon of the day."""
    clock_ = Clock(at(DAY, 12))
    monkeypatch.setattr(clock, "now", clock_)
    return clock_


def reads_at(source, ticking, *moments):
    """Each time the source is asked, the clock shows the next of these moments; then it fails."""
    left = list(moments)

    def read(window):
        if not left:
            raise SourceError("no luck")
        ticking.moment = left.pop(0)
        yield from Source.read(source, window)

    source.read = read


@pytest.mark.long
@pytest.mark.parametrize("hour", [6, 9, 18])
def test_nothing_ahead_of_the_moment_of_asking_is_covered_if_the_clock_steps(
    toy, source, ticking, hour
):
    opened = ticking.moment
    source.opened = lambda: setattr(ticking, "moment", at(DAY, hour))
    toy.run(DAY)
    assert covered(toy)[-1].end == min(opened, at(DAY, hour))


@pytest.mark.long
def test_a_run_from_before_midnight_to_after_covers_no_more_than_was_asked_for(
    toy, source, ticking
):
    ticking.moment = at(DAY, 23, 55)
    reads_at(source, ticking, at(DAY + 1, 0, 5))
    toy.run(DAY, DAY + 1)
    assert covered(toy)[-1].end <= at(DAY + 1, 0, 5)


@pytest.mark.long
def test_a_piece_that_an_earlier_run_staged_covers_no_more_than_it_asked_for(toy, source, ticking):
    ticking.moment = at(DAY, 10)
    reads_at(source, ticking, at(DAY, 10))
    toy.run(DAY, DAY + 61 + 30)
    ticking.moment = at(DAY + 9, 12)
    source.read = lambda window: Source.read(source, window)
    toy.run(DAY, DAY + 61 + 30, resume=True)
    assert covered(toy)[-1].end == at(DAY, 10)


@pytest.mark.long
def test_a_piece_that_was_asked_for_by_a_clock_set_ahead_covers_nothing_ahead(toy, source, ticking):
    ticking.moment = at(DAY + 30, 12)
    reads_at(source, ticking, at(DAY + 30, 12))
    toy.run(DAY, DAY + 61 + 30)
    ticking.moment = at(DAY, 12)
    source.read = lambda window: Source.read(source, window)
    toy.run(DAY, DAY + 61 + 30, resume=True)
    assert covered(toy)[-1].end == at(DAY, 12)


@pytest.mark.long
def test_what_a_clock_set_ahead_took_for_fetched_is_forgotten_by_the_next_run(toy, noon):
    noon(day=DAY + 2)
    toy.run(DAY)
    noon()
    toy.run(DAY)
    noon(day=DAY + 2)
    assert missing(toy) == (Window(at(DAY, 12), at(DAY + 1, 0)),)


@pytest.mark.long
def test_a_clock_that_starts_in_1970_forgets_nothing(toy, noon):
    toy.run(DAY)
    noon(day=-19_000)
    toy.run(-19_001)
    noon()
    assert Window(at(DAY, 0), at(DAY, 12)) in covered(toy)


@pytest.mark.long
def test_a_row_with_a_time_ahead_makes_nothing_covered(toy, source, noon):
    source.rows = [event("a", 1, at(DAY, 20))]
    toy.run(DAY)
    assert toy.rows("marts.total") == [{"rows": 1, "total": 1}]
    assert missing(toy) == (Window(at(DAY, 12), at(DAY + 1, 0)),)
