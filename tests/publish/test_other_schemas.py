"""A table of any schema is published if its model says so, and one of `marts` is not if it says so."""

from types import ModuleType

import psycopg
import pytest
from toy import at, event, into, modules, query

from lakehouse import Incremental, Table, View, model
from lakehouse.compile.compiler import compile_project
from lakehouse.declare.project import collect
from lakehouse.errors import ProjectError, PublishError
from lakehouse.history import main_moves
from lakehouse.postgres import roles


def declare(toy, *, publish=True, secret=False, own=Table):
    """Let the toy project publish models of the schema `gold`, and keep a mart to itself."""
    gold, marts = ModuleType("toy.gold"), ModuleType("toy.own.marts")

    @model(kind=Incremental(time_column="at"), publish=publish)
    @into(gold)
    def listed(events):
        """Every event."""
        return events.select("id", "at", n=events.value + 1 if secret else events.value)

    @model(kind=View(), publish=publish)
    @into(gold)
    def doubled(listed):
        return listed.select("id", double=listed.n * 2)

    @model(kind=own(), publish=False)
    @into(marts)
    def private(events):
        return events.select("id")

    toy.declare((*modules(toy.source), gold, marts))


@pytest.fixture
def gold(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    declare(toy)
    toy.run(0, 1)
    return toy


def rows(toy, table):
    return query(toy.postgres, f"select * from {table} order by 1")


def tables(toy):
    found = query(
        toy.postgres,
        "select table_schema || '.' || table_name as name from information_schema.tables"
        " where table_schema in ('gold', 'marts') order by 1",
    )
    return [row["name"] for row in found]


@pytest.mark.long
def test_tables_and_views_lie_in_the_schema_of_their_models(gold):
    assert tables(gold) == [
        "gold.doubled",
        "gold.listed",
        "marts.daily",
        "marts.publication",
        "marts.total",
    ]
    assert rows(gold, "gold.doubled") == [{"id": "a", "double": 2}, {"id": "b", "double": 4}]


@pytest.mark.long
def test_only_changed_windows_are_moved(gold, source):
    source.rows[0] = event("a", 5, at(0))
    assert gold.run(0).published["gold.listed"] == 1
    assert rows(gold, "gold.doubled")[0] == {"id": "a", "double": 10}


@pytest.mark.long
def test_nothing_new_moves_nothing(gold):
    assert not gold.run(0, 1).published


@pytest.mark.long
def test_a_view_of_others_stays(gold, source):
    with psycopg.connect(gold.postgres, autocommit=True) as connection:
        connection.execute("create view public.mine as select n from gold.listed")
    source.rows[0] = event("a", 5, at(0))
    gold.run(0)
    assert [row["n"] for row in rows(gold, "public.mine")] == [2, 5]


@pytest.mark.long
def test_what_somebody_dropped_comes_back(gold):
    with psycopg.connect(gold.postgres, autocommit=True) as connection:
        connection.execute("drop schema gold cascade")
    gold.run(0)
    assert len(rows(gold, "gold.doubled")) == 2


@pytest.mark.long
def test_a_table_of_somebody_else_is_left_alone(toy, source):
    with psycopg.connect(toy.postgres, autocommit=True) as connection:
        connection.execute("create schema gold; create table gold.listed (theirs int)")
    source.rows = [event("a", 1, at(0))]
    declare(toy)
    with pytest.raises(PublishError, match=r"gold\.listed is a table .* no publication made"):
        toy.run(0)
    assert query(toy.postgres, "select * from gold.listed") == []


@pytest.mark.long
def test_what_is_not_published_any_more_stays_until_it_is_dropped(gold):
    declare(gold, publish=False)
    gold.run(0, 1)
    assert "gold.listed" in tables(gold)
    with gold.session as session:
        main_moves.drop_mart(session, "gold.doubled")
        main_moves.drop_mart(session, "gold.listed")
    assert "gold.listed" not in tables(gold)


@pytest.mark.long
def test_the_reader_may_read_it(toy, source):
    with psycopg.connect(toy.postgres, autocommit=True) as connection:
        exists = connection.execute("select to_regrole('lakehouse_reader') is not null")
        if not exists.fetchone()[0]:
            connection.execute(f"create role {roles.READER}")
    source.rows = [event("a", 1, at(0))]
    declare(toy)
    toy.run(0)
    (found,) = query(
        toy.postgres,
        "select has_table_privilege('lakehouse_reader', 'gold.listed', 'select') and"
        " has_schema_privilege('lakehouse_reader', 'gold', 'usage') as may_read",
    )
    assert found == {"may_read": True}


def test_a_published_view_of_what_is_not_published_is_refused(toy):
    marts = ModuleType("toy.gold")

    @model(kind=View(), publish=True)
    @into(marts)
    def seen(steps):
        return steps

    project = collect((*modules(toy.source), marts))
    with pytest.raises(ProjectError, match=r"only what is published, not silver\.steps"):
        compile_project(project, "duckdb")


def test_a_type_that_postgres_lacks_is_told_before_anything_runs(toy):
    gold = ModuleType("toy.gold")

    @model(publish=True)
    @into(gold)
    def odd(events):
        return events.select("id", xmin=events.value)

    project = collect((*modules(toy.source), gold))
    with pytest.raises(ProjectError, match=r"gold\.odd: each table in Postgres has"):
        compile_project(project, "duckdb")


def test_a_schema_of_postgres_itself_is_refused(toy):
    own = ModuleType("toy.pg_toast")

    @model(publish=True)
    @into(own)
    def odd(events):
        return events

    with pytest.raises(ProjectError, match="for itself"):
        collect((*modules(toy.source), own))
