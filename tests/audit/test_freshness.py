"""How old the newest reading of each source is, and what that means."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pandera.ibis
import pyarrow as pa
import pytest
from people import People
from toy import FIRST, at, event, into, modules

from lakehouse import FreshnessCheck, ingestion, quality
from lakehouse.audit.freshness import FreshnessState, freshness
from lakehouse.errors import CheckFailedError

NOW = datetime.now(UTC)
TODAY = (NOW.date() - FIRST).days


@pytest.fixture
def promised(toy, source):
    """The toy project; its events are expected to be an hour old, a day at most."""
    toy.change(freshness_hours=(1, 24), key="id")
    return toy


def run_the_ends(toy, last):
    """Run the first day there is, and the last ones: what lies between holds nothing."""
    toy.run(0)
    toy.run(last - 3, last)


def states(toy, now=None):
    return [(each.key, each.state) for each in freshness(toy.session, now)]


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("hours", "state"),
    [(0.5, FreshnessState.OK), (2, FreshnessState.WARN), (25, FreshnessState.FAIL)],
)
def test_a_source_is_judged_by_its_newest_reading(promised, source, hours, state):
    source.rows = [event("a", 1, NOW - timedelta(hours=hours)), event("a2", 1, at(0))]
    promised.change(freshness_hours=(1, 24))
    run_the_ends(promised, TODAY)
    (found,) = freshness(promised.session, NOW)
    assert (found.table, found.key, found.state) == ("raw.events", "", state)
    assert found.age_hours == pytest.approx(hours)


@pytest.mark.long
def test_a_key_that_could_not_be_read_shows_the_reason_also_without_any_row(promised, source):
    people = People(*(event(name, 1, at(0)) for name in ("anna", "bob", "cleo")))
    source.read = people.read
    promised.change(freshness_hours=(1, 24), key="id", unique_key=("id", "at"))
    promised.run(0)
    people.down = {"anna", "dora"}
    promised.run(0)
    assert [(each.key, each.unread) for each in freshness(promised.session)] == [
        ("id=anna", "anna answers 500"),
        ("id=bob", ""),
        ("id=cleo", ""),
        ("id=dora", "dora answers 500"),
    ]


@pytest.mark.long
def test_one_silent_key_shows_beside_one_that_speaks(promised, source):
    source.rows = [event("loud", 1, NOW), event("silent", 1, at(0))]
    run_the_ends(promised, TODAY)
    assert states(promised, NOW) == [
        ("id=loud", FreshnessState.OK),
        ("id=silent", FreshnessState.FAIL),
    ]


@pytest.mark.long
def test_a_backfill_of_old_days_is_not_stale(promised, source):
    source.rows = [event("a", 1, at(0))]
    promised.run(0, 3)
    assert states(promised) == [("id=a", FreshnessState.HISTORY)]


@pytest.mark.long
def test_a_backfill_does_not_hide_that_the_present_went_silent(promised, source):
    source.rows = [event("a", 1, at(0))]
    promised.run(TODAY)
    promised.run(0, 3)
    assert states(promised) == [("id=a", FreshnessState.FAIL)]


@pytest.mark.long
def test_a_source_that_never_sent_anything_is_stale(promised):
    promised.change(freshness_hours=(1, 24))
    promised.run(TODAY)
    assert states(promised) == [("", FreshnessState.FAIL)]


@pytest.mark.long
def test_a_reading_from_the_future_does_not_count(promised, source):
    source.rows = [event("a", 1, at(0)), event("a", 1, NOW + timedelta(hours=3))]
    promised.change(freshness_hours=(1, 24))
    run_the_ends(promised, TODAY + 1)
    assert states(promised, NOW) == [("", FreshnessState.FAIL)]


@pytest.mark.long
@pytest.mark.parametrize(
    ("blocking", "state"), [(True, FreshnessState.FAIL), (False, FreshnessState.WARN)]
)
def test_what_checks_promise_is_listed_too(toy, source, blocking, state):
    module = ModuleType("toy.more_checks")
    checks = [FreshnessCheck("at", 24, by=["id"])]

    @quality(table="silver.steps", checks=checks, blocking=blocking)
    @into(module)
    def fresh(): ...

    toy.declare((*modules(source), module))
    source.rows = [event("silent", 1, at(0))]
    toy.run(0, 1)
    with suppress(CheckFailedError):
        toy.run(TODAY)
    found = freshness(toy.session, NOW)
    assert found[-1].state is state
    assert (found[-1].table, found[-1].key) == ("silver.steps", "id=silent")


class Names(pandera.ibis.DataFrameModel):
    id: str


@pytest.fixture
def listed(toy, source):
    """The names that a second source lists, which have to be fresh; those there were are silent."""
    module, names = ModuleType("toy.listed"), ["loud", "silent"]

    @ingestion(table_name="names", unique_key="id", validation_schema=Names)
    @into(module)
    def names_of_events():
        yield pa.table({"id": pa.array(names, pa.string())})

    @quality(table="silver.steps", checks=[FreshnessCheck("at", 24, by=["id"])], blocking=False)
    @into(module)
    def fresh(): ...

    toy.declare((*modules(source, freshness_hours=(1, 24), key="id"), module))
    source.rows = [event("loud", 1, NOW), event("silent", 1, at(0))]
    run_the_ends(toy, TODAY)
    return names


@pytest.mark.long
def test_a_key_that_is_not_listed_any_more_has_left(toy, listed):
    assert ("id=silent", FreshnessState.FAIL) in states(toy, NOW)
    listed.remove("silent")
    toy.run(TODAY)
    assert set(states(toy, NOW)) == {
        ("id=loud", FreshnessState.OK),
        ("id=silent", FreshnessState.DEPARTED),
    }


@pytest.mark.long
def test_checks_expect_nothing_of_a_key_that_has_left(toy, listed, source):
    def failures():
        (found,) = (each for each in toy.run(TODAY).checks if each.check == "fresh")
        return found.failures

    assert failures() == 1
    listed.remove("silent")
    assert failures() == 0


@pytest.mark.long
def test_a_key_that_comes_back_is_expected_again(toy, listed):
    listed.remove("silent")
    toy.run(TODAY)
    listed.append("silent")
    toy.run(TODAY)
    assert ("id=silent", FreshnessState.FAIL) in states(toy, NOW)


@pytest.mark.long
def test_a_key_that_has_left_changes_nothing_but_that(toy, listed):
    listed.remove("silent")
    before = toy.rows("raw.names")
    assert toy.run(TODAY).commit is not None
    assert toy.rows("raw.names") == before
    assert toy.run(TODAY).status == "nothing to do"
