"""A model that is a view over marts is a view in Postgres."""

from types import FunctionType, ModuleType

import psycopg
import pytest
from toy import at, event, into, modules

from lakehouse import Incremental, Table, View, model
from lakehouse.errors import ProjectError, PublishError
from lakehouse.history import main_moves
from lakehouse.publish import departed


def declare(toy, *functions, **kinds):
    """Let the toy project have these functions as marts; a kind is that of a name, by default a view."""
    module = ModuleType("toy.marts")
    for function in functions:
        another = FunctionType(function.__code__, globals(), function.__name__)
        another.__doc__ = function.__doc__
        model(kind=kinds.get(function.__name__, View()))(into(module)(another))
    toy.declare((*modules(toy.source), module))


def execute(address, sql):
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else None


def listed(events):
    return events.select("id", "value", "at")


def halves(listed):
    """Half of every value."""
    return listed.select("id", half=listed.value / 2)


def quarters(halves):
    return halves.select("id", quarter=halves.half / 2)


LISTED = Incremental(time_column="at")


@pytest.fixture
def views(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    declare(toy, listed, halves, quarters, listed=LISTED)
    toy.run(0, 1)
    return toy


def rows(toy, name):
    """The rows of a mart in Postgres."""
    return execute(toy.postgres, f"select * from marts.{name} order by 1")


def made(toy, name="halves"):
    """What the relation is, and the number that another one would not have."""
    return execute(
        toy.postgres,
        "select relkind::text, oid from pg_class where oid = to_regclass('marts." + name + "')",
    )


@pytest.mark.long
def test_a_view_shows_the_rows_of_its_marts(views, source):
    assert rows(views, "halves") == [("a", 0.5), ("b", 1.0)]
    source.rows[0] = event("a", 7, at(0))
    views.run(0)
    assert rows(views, "halves") == [("a", 3.5), ("b", 1.0)]


@pytest.mark.long
def test_a_view_may_read_a_view(views):
    assert rows(views, "quarters") == [("a", 0.25), ("b", 0.5)]


@pytest.mark.long
def test_a_view_has_the_types_and_the_docstring_of_its_model(views):
    ((comment, kinds),) = execute(
        views.postgres,
        "select obj_description(c.oid), array_agg(format_type(atttypid, atttypmod) order by attnum)"
        " from pg_class c join pg_attribute on attrelid = c.oid"
        " where c.oid = 'marts.halves'::regclass group by 1",
    )
    assert (comment, kinds) == ("Half of every value.", ["text", "double precision"])


def test_a_view_is_made_once(views, source):
    before = made(views)
    source.rows[0] = event("a", 7, at(0))
    views.run(0)
    assert made(views) == before
    assert before[0][0] == "v"


def thirds(listed):
    return listed.select("id", half=listed.value / 3)


thirds.__name__ = "halves"


@pytest.mark.long
def test_another_definition_is_another_view_and_its_readers_stay(views):
    declare(views, listed, thirds, quarters, listed=LISTED)
    views.run(0)
    assert rows(views, "halves") == [("a", 1 / 3), ("b", 2 / 3)]
    assert rows(views, "quarters") == [("a", 1 / 6), ("b", 1 / 3)]


def as_text(events):
    return events.select("id", value=events.value.cast("int16"), at=events.at)


as_text.__name__ = "listed"


@pytest.mark.long
def test_a_mart_that_gets_other_columns_takes_its_views_along(views):
    declare(views, as_text, halves, quarters, listed=LISTED)
    views.run(0)
    assert rows(views, "quarters") == [("a", 0.25), ("b", 0.5)]


@pytest.mark.long
def test_a_view_may_become_a_table_and_a_table_a_view(views):
    for kind, stands in ((Table(), "r"), (View(), "v"), (Table(), "r")):
        declare(views, listed, halves, quarters, listed=LISTED, halves=kind)
        views.run(0)
        assert made(views)[0][0] == stands
        assert rows(views, "quarters") == [("a", 0.25), ("b", 0.5)]


@pytest.mark.long
@pytest.mark.parametrize("harm", ["drop view marts.halves cascade", "drop schema marts cascade"])
def test_a_view_that_somebody_dropped_comes_back(views, harm):
    execute(views.postgres, harm)
    views.run(0)
    assert rows(views, "quarters") == [("a", 0.25), ("b", 0.5)]
    assert views.run(0).status == "nothing to do"


@pytest.mark.long
def test_what_others_have_on_a_view_that_changes_is_named(views):
    execute(views.postgres, "create view public.theirs as select half from marts.halves")
    declare(views, listed, thirds, quarters, listed=LISTED)
    with pytest.raises(PublishError, match="theirs"):
        views.run(0)
    assert rows(views, "halves") == [("a", 0.5), ("b", 1.0)]


@pytest.mark.long
def test_a_view_that_somebody_made_under_its_name_is_not_touched(toy, source):
    source.rows = [event("a", 1, at(0))]
    execute(toy.postgres, "create schema marts; create view marts.halves as select 1 as x")
    declare(toy, listed, halves, listed=LISTED)
    with pytest.raises(PublishError, match=r"marts\.halves is a view .* that no publication made"):
        toy.run(0)
    assert rows(toy, "halves") == [(1,)]


@pytest.mark.long
def test_a_view_without_a_model_stays_until_it_is_dropped(views):
    declare(views, listed, halves, listed=LISTED)
    views.run(0)
    assert rows(views, "quarters") == [("a", 0.25), ("b", 0.5)]
    with views.session as session:
        departed.drop(session, "quarters")
    assert made(views, "quarters") == []


@pytest.mark.long
def test_a_view_of_a_mart_that_a_rollback_takes_away_goes_with_it(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    before = toy.head()
    declare(toy, listed, halves, listed=LISTED)
    toy.run(0)
    with toy.session as session:
        main_moves.rollback(session, before)
    assert made(toy) == []


def raw(events):
    return events.select("id")


def test_a_view_of_what_is_no_mart_is_refused(toy):
    with pytest.raises(ProjectError, match=r"marts\.raw cannot be a view .* raw\.events"):
        declare(toy, raw)


def peaks(listed):
    return listed.agg(peak=listed.value.kurtosis())


def test_a_view_that_postgres_cannot_compute_is_refused(toy):
    with pytest.raises(ProjectError, match="Postgres cannot compute it") as caught:
        declare(toy, listed, peaks, listed=LISTED)
    assert "store it" in caught.value.hint
