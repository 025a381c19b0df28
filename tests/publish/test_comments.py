"""Postgres has what the models say of marts and of their columns."""

from types import ModuleType

import psycopg
import pytest
from toy import at, event, into, modules

from lakehouse import Table, View, model

ODD = 'it\'s "100 %" <b>bold</b> \\ $$ ; -- ü\nand a second line'
COMMENTS = """
SELECT c.relname || coalesce('.' || attname, ''), description
FROM pg_description JOIN pg_class c ON c.oid = objoid
LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0
WHERE c.relnamespace = 'marts'::regnamespace ORDER BY 1
"""


def execute(toy, sql):
    with psycopg.connect(toy.postgres, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else None


def describe(toy, columns, doc="All events."):
    """Let the toy project have a mart, and a view of it, with these descriptions."""

    def described(events):
        return events.select("id", "value")

    def seen(described):
        return described

    described.__doc__ = doc
    module = ModuleType("toy.marts")
    model(kind=Table(), columns=columns)(into(module)(described))
    model(kind=View(), columns=columns)(into(module)(seen))
    toy.declare((*modules(toy.source), module))


def comments(toy):
    found = dict(execute(toy, COMMENTS))
    return {name: text for name, text in found.items() if name.startswith(("described", "seen"))}


@pytest.fixture
def described(toy, source):
    """With a described mart, which is published."""
    source.rows = [event("a", 1, at(0))]
    describe(toy, {"value": ODD})
    toy.run(0)
    return toy


@pytest.mark.long
def test_marts_and_their_columns_have_what_the_models_say(described):
    assert comments(described) == {
        "described": "All events.",
        "described.value": ODD,
        "seen.value": ODD,
    }


@pytest.mark.long
def test_a_description_alone_that_changed_is_published(described):
    before = described.head()
    describe(described, {"value": "its value", "id": "its name"}, "Each event.")
    described.run(0)
    assert comments(described) == {
        "described": "Each event.",
        "described.id": "its name",
        "described.value": "its value",
        "seen.id": "its name",
        "seen.value": "its value",
    }
    assert described.head() == before


@pytest.mark.long
def test_a_run_that_finds_nothing_new_writes_no_comment(described):
    changed = (
        "SELECT xmin::text, objoid, objsubid FROM pg_description WHERE objoid > 16384 ORDER BY 2, 3"
    )
    published = "SELECT * FROM marts.publication"
    before = execute(described, changed), execute(described, published)
    describe(described, {"value": ODD})
    described.run(0)
    assert (execute(described, changed), execute(described, published)) == before


@pytest.mark.long
def test_rows_that_are_new_write_no_comment(described, source):
    changed = (
        "SELECT xmin::text, objoid, objsubid FROM pg_description WHERE objoid > 16384 ORDER BY 2, 3"
    )
    before = execute(described, changed)
    source.rows = [event("b", 2, at(1))]
    described.run(1)
    assert described.published("described") == [{"id": "a", "value": 1}, {"id": "b", "value": 2}]
    assert execute(described, changed) == before


@pytest.mark.long
def test_a_comment_of_somebody_else_on_a_column_that_no_model_describes_stays(described, source):
    execute(described, "COMMENT ON COLUMN marts.described.id IS 'mine'")
    source.rows = [event("b", 2, at(1))]
    described.run(1)
    assert comments(described)["described.id"] == "mine"
