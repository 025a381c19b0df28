"""Quarantine as a place to work in: what is there, why, and what is judged again."""

import json
from datetime import UTC, date, datetime, timedelta

import ibis
import pandera.ibis
import pytest
from toy import FIRST, Events, at, event

from lakehouse.audit.quarantine_listing import count, show
from lakehouse.errors import CheckFailedError
from lakehouse.windows import ALL_TIME


class AnyEvents(Events):
    """Events that may be below nothing."""

    value: int = pandera.ibis.Field(nullable=True)


class EventsUntil(Events):
    """Events of a time that is not ahead, by a rule that was compiled two days ago."""

    @pandera.ibis.dataframe_check(description="at is ahead")
    @classmethod
    def is_not_ahead(cls, data):
        return data.table["at"] <= datetime.now(UTC) - timedelta(days=2)


class EventsUntilNow(EventsUntil):
    """The same by a rule that asks for the time when it is applied."""

    @pandera.ibis.dataframe_check(description="at is ahead")
    @classmethod
    def is_not_ahead(cls, data):
        return data.table["at"] <= ibis.now()


@pytest.fixture
def rejected(toy, source):
    """A good row, and three that are not."""
    source.rows = [
        event("good", 1, at(0)),
        event("text", "x", at(0)),
        event("word", "y", at(1)),
        event("low", -7, at(2)),
    ]
    toy.run(0, 2)
    return toy


def today():
    return datetime.now(UTC).date()


def test_rows_are_counted_by_reason_whatever_the_value_was(rejected):
    assert [(each.reason, each.day, each.rows) for each in count(rejected.session)] == [
        ("value: … is not a whole number of 64 bits", today(), 2),
        ("value: greater_than_or_equal_to(0)", today(), 1),
    ]


@pytest.mark.long
def test_before_anything_was_rejected_there_is_nothing(toy, source):
    source.rows = [event("good", 1, at(0))]
    toy.run(0)
    assert count(toy.session) == show(toy.session) == []


@pytest.mark.long
def test_rows_are_shown_as_they_were_fetched(rejected):
    (row,) = show(rejected.session, reason="GREATER")
    assert (row["table"], row["key"]) == ("quarantine.events", "id=low")
    assert json.loads(row["payload"])["value"] == "-7"


@pytest.mark.long
def test_no_more_rows_are_shown_than_asked_for(rejected):
    assert len(show(rejected.session, limit=2)) == 2


@pytest.mark.long
def test_a_retry_lands_what_passes_now_and_builds_what_depends_on_it(rejected):
    rejected.change(schema=AnyEvents)
    report = rejected.retry()
    assert report.commit
    assert rejected.rows("marts.total") == [{"rows": 2, "total": -6}]
    assert rejected.published("total") == [{"rows": 2, "total": -6}]
    assert {"day": date(2024, 3, 3), "rows": 1, "total": -7} in rejected.rows("marts.daily")
    assert {row["id"] for row in rejected.rows("quarantine.events")} == {"text", "word"}


@pytest.mark.long
def test_a_retry_lands_what_an_old_idea_of_the_time_kept_out(toy, source):
    now = datetime.now(UTC)
    source.rows = [event("live", 1, now), event("ahead", 2, now + timedelta(hours=1))]
    toy.change(schema=EventsUntil)
    first, last = ((each.date() - FIRST).days for each in (now, now + timedelta(hours=1)))
    toy.run(first, last)
    assert {row["id"] for row in toy.rows("quarantine.events")} == {"live", "ahead"}
    toy.change(schema=EventsUntilNow)
    assert toy.retry().commit
    assert {row["id"] for row in toy.rows("raw.events")} == {"live"}
    assert {row["id"] for row in toy.rows("quarantine.events")} == {"ahead"}


@pytest.mark.long
def test_a_retry_asks_no_source(rejected, source):
    source.asked.clear()
    rejected.change(schema=AnyEvents)
    rejected.retry()
    assert source.asked == []


@pytest.mark.long
def test_a_retry_covers_no_days(rejected):
    covered = rejected.session.catalog.tables("main")["raw.events"].state.covered
    rejected.change(schema=AnyEvents)
    rejected.retry()
    assert rejected.session.catalog.tables("main")["raw.events"].state.covered == covered
    assert covered != (ALL_TIME,)


@pytest.mark.long
def test_a_retry_that_changes_no_verdict_has_nothing_to_do(rejected):
    head = rejected.head()
    assert rejected.retry().status == "nothing to do"
    assert rejected.head() == head


@pytest.mark.long
def test_a_retry_is_checked_like_any_run(rejected, source):
    source.rows.append(event("high", 501, at(0)))

    class Small(AnyEvents):
        value: int = pandera.ibis.Field(le=500)

    rejected.change(schema=Small)
    rejected.run(0)
    head = rejected.head()
    rejected.change(schema=AnyEvents)
    with pytest.raises(CheckFailedError):
        rejected.retry()
    assert rejected.head() == head


@pytest.mark.long
def test_what_was_rejected_later_counts_after_a_retry(toy, source):
    source.rows = [event("a", -1, at(0))]
    toy.run(0)
    source.rows = [event("a", -2, at(0))]
    toy.run(0)
    toy.change(schema=AnyEvents)
    toy.retry()
    assert toy.rows("marts.total") == [{"rows": 1, "total": -2}]


@pytest.mark.long
@pytest.mark.parametrize(("bad", "fails"), [(1, False), (2, True)])
def test_too_many_bad_rows_in_one_fetch_keep_the_run_out(toy, source, bad, fails):
    toy.change(max_quarantine_percent=50)
    source.rows = [event("a", 1, at(0)), event("b", "x", at(0)), event("c", "y", at(0))][: bad + 1]
    if not fails:
        assert toy.run(0).commit
        return
    with pytest.raises(CheckFailedError, match=r"quarantine.events: at most 50 %.*2 of 3 rows"):
        toy.run(0)
    assert toy.head() is None
    (branch,) = toy.session.catalog.branches()
    assert len(show(toy.session, ref=branch.name)) == 2


@pytest.mark.long
def test_a_retry_is_not_too_many_bad_rows(toy, source):
    source.rows = [event("b", "x", at(0))]
    toy.run(0)
    toy.change(max_quarantine_percent=1)
    assert toy.retry().status == "nothing to do"
