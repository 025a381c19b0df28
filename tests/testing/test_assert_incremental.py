"""The fixture that proves that a model may be built by windows."""

import subprocess
import sys
from types import ModuleType

import ibis
import pandera.ibis
import pytest
from hypothesis import strategies as st

from lakehouse import Incremental, View, ingestion, model
from lakehouse.declare.project import collect
from lakehouse.errors import DeclarationError, QueryError, UnknownNameError
from lakehouse.expressions import to_local
from lakehouse.testing.incremental import assert_incremental
from lakehouse.testing.runner import RunModel

raw, marts = ModuleType("visits.raw"), ModuleType("visits.marts")


def into(module):
    """Put a function into a module, as if it had been written there."""

    def place(function):
        function.__module__ = module.__name__
        setattr(module, function.__name__, function)
        sys.modules[module.__name__] = module
        return function

    return place


class Visits(pandera.ibis.DataFrameModel):
    site: str
    at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field()
    minutes: int = pandera.ibis.Field(ge=1, le=60)
    zone: str = pandera.ibis.Field(nullable=True)


@ingestion(
    table_name="visits", unique_key=("site", "at"), validation_schema=Visits, time_column="at"
)
@into(raw)
def visits(window): ...


def waits(visits):
    """Hours since the visit before, up to six."""
    order = ibis.window(group_by="site", order_by="at")
    seconds = visits["at"].epoch_seconds()
    hours = (seconds - seconds.lag().over(order)) / 3600
    return visits.select("site", "at", hours=ibis.ifelse(hours <= 6, hours, None))


def until_next(visits):
    """Hours until the next visit, up to six."""
    order = ibis.window(group_by="site", order_by="at")
    seconds = visits["at"].epoch_seconds()
    hours = (seconds.lead().over(order) - seconds) / 3600
    return visits.select("site", "at", hours=ibis.ifelse(hours <= 6, hours, None))


def days(visits):
    """Visits by the date of a clock that is ten hours ahead."""
    dated = visits.mutate(day=(visits["at"] + ibis.interval(hours=10)).date())
    return dated.group_by("site", "day").agg(visits=dated.count(), minutes=dated.minutes.sum())


def months(visits):
    """Visits by the first day of their month."""
    dated = visits.mutate(month=visits["at"].truncate("M").date())
    return dated.group_by("month").agg(visits=dated.count())


def in_all(visits):
    """Each site's visits."""
    return visits.group_by("site").agg(visits=visits.count())


def shares(visits):
    """Each site's share of everybody's visits of the day."""
    dated = visits.mutate(day=visits["at"].date())
    of_day = dated.group_by("day").agg(everybody=dated.count())
    joined = dated.join(of_day, "day")
    counted = joined.group_by("site", "day", "everybody").agg(visits=joined.count())
    return counted.select("site", "day", share=counted.visits / counted.everybody)


def at_home(visits):
    """Visits by local time."""
    return visits.select("site", "at", local=to_local(visits["at"], visits.zone))


@pytest.fixture(scope="module")
def check():
    """`assert_incremental` of the project of visits; the function is declared with a kind."""
    run_model = RunModel(lambda: collect([raw]))

    def declare_and_assert(function, kind, **options):
        def declared(visits):
            return function(visits)

        declared.__name__ = function.__name__
        assert_incremental(run_model, model(kind=kind)(into(marts)(declared)), **options)

    return declare_and_assert


@pytest.mark.sample(0, long=3)
@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (waits, Incremental("at", lookback="6h")),
        (waits, Incremental("at", grain="hour", lookback="6h")),
        (until_next, Incremental("at", lookahead="6h")),
        (days, Incremental("day", lookback="10h")),
        (months, Incremental("month", grain="month")),
        (in_all, Incremental(key="site")),
        (days, Incremental("day", lookback="10h", key="site")),
        (shares, Incremental("day")),
    ],
    ids=[
        "lookback",
        "by hour",
        "lookahead",
        "a date of an instant",
        "a month of an instant",
        "by key",
        "by window and key",
        "keys that depend on one another",
    ],
)
def test_what_is_long_enough_passes(check, function, kind):
    check(function, kind)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (waits, Incremental("at")),
        (waits, Incremental("at", grain="hour", lookback="3h")),
        (until_next, Incremental("at", lookahead="1h")),
        (days, Incremental("day", lookback="8h")),
        (months, Incremental("month", grain="day")),
    ],
    ids=["lookback", "by hour", "lookahead", "a date of an instant", "a month by days"],
)
def test_what_is_too_short_fails(check, function, kind):
    with pytest.raises(AssertionError, match=rf"marts\.{function.__name__}: building by windows"):
        check(function, kind)


@pytest.mark.long
@pytest.mark.parametrize(
    ("function", "kind", "by"),
    [
        (shares, Incremental("day", key="site"), "windows and key"),
        (lambda visits: shares(visits).drop("day"), Incremental(key="site"), "key"),
    ],
    ids=["windows and key", "key"],
)
def test_a_key_whose_rows_depend_on_others_fails(check, function, kind, by):
    function.__name__ = "shares"
    with pytest.raises(AssertionError, match=f"building by {by} gives other rows") as error:
        check(function, kind)
    assert "only on rows with the same site" in str(error.value)


@pytest.mark.long
def test_a_failure_tells_the_reach_and_the_few_rows_that_matter(check):
    with pytest.raises(AssertionError) as error:
        check(waits, Incremental("at", lookback="1h"))
    message = str(error.value)
    first, _, *rest = message.splitlines()
    assert first.startswith("marts.waits: ")
    assert first.endswith("lookback 1h or lookahead 0 may be too short")
    assert sum("at=2024-03-" in line for line in rest) == 4, message


@pytest.mark.long
def test_the_author_says_what_values_columns_take(check):
    zones = {"a": "UTC", "b": "Pacific/Kiritimati"}
    check(
        at_home,
        Incremental("at"),
        columns={"site": st.sampled_from("ab"), "zone": lambda row: zones[row["site"]]},
    )


def test_values_that_the_model_cannot_take_are_an_error(check):
    with pytest.raises(QueryError, match=r"marts\.at_home cannot be built from rows") as error:
        check(at_home, Incremental("at"))
    assert "columns=" in error.value.hint


def test_a_model_that_is_not_incremental_is_an_error(check):
    with pytest.raises(DeclarationError, match=r"marts\.waits is not incremental"):
        check(waits, View("at"))


def test_an_unknown_column_is_named(check):
    with pytest.raises(UnknownNameError, match="'minute' is no column of what"):
        check(waits, Incremental("at"), columns={"minute": st.just(1)})


@pytest.mark.long
def test_hypothesis_is_only_loaded_where_the_fixture_is_used():
    code = "import sys, lakehouse.testing; sys.exit('hypothesis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
