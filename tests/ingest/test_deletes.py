"""Deleted rows of sources without windows: of a full reading, and of those that say it themselves."""

import ibis
import pandera.ibis
import pytest
from changing import Changing, ChangingEvents, Log
from heard import Heard
from toy import at

from lakehouse import SoftDelete, Unread
from lakehouse.errors import ProjectError


class Deletable(ChangingEvents):
    deleted_at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field(nullable=True)


class Flagged(ChangingEvents):
    is_deleted: bool = pandera.ibis.Field(nullable=True)


@pytest.fixture
def log():
    log = Log()
    for number, key in enumerate("abc"):
        log.put(key, number, day=number)
    return log


@pytest.fixture
def home(tmp_path, database, engine):
    return Changing(tmp_path, database, None, engine)


@pytest.fixture
def whole(home, log):
    """A home that reads all rows each time."""
    home.change(way="whole", give=lambda: log.read(None), deletes="window")
    home.run()
    return home


def marked(home):
    with home.session as session:
        sql = "select id from raw.events where _gone_at is not null and _gone_run is not null"
        return {row["id"] for row in session.query(sql).to_pylist()}


@pytest.mark.long
def test_what_a_whole_reading_lacks_is_gone_and_comes_back(whole, log):
    row = log.rows.pop("b")
    whole.run()
    assert (whole.there(), marked(whole)) == ({"a": 0, "c": 2}, {"b"})
    head = whole.head()
    assert (whole.run().status, whole.head()) == ("nothing to do", head)
    log.rows["b"] = row
    whole.run()
    assert (whole.there(), marked(whole)) == ({"a": 0, "b": 1, "c": 2}, set())
    assert whole.published("total") == [{"rows": 3, "total": 3}]


@pytest.mark.long
def test_an_empty_reading_is_doubted_first(whole, log):
    rows, log.rows = log.rows, {}
    heard = Heard()
    whole.run(listener=heard)
    told = (
        "raw.events: the source has no rows any more, and 3 are stored: they stay until a later run"
        " finds none either"
    )
    assert told in heard.warnings
    assert len(whole.there()) == 3
    log.rows = {"a": rows["a"]}
    whole.run()
    log.rows = {}
    whole.run()
    assert whole.there() == {"a": 0}
    whole.run()
    assert whole.there() == {}


@pytest.mark.long
def test_what_a_whole_reading_could_not_read_is_not_gone(whole, log):
    log.rows = {"a": log.rows["a"]}
    whole.change(
        way="whole",
        give=lambda: iter([log.read(None), Unread({"id": "b"}, "no answer")]),
        deletes="window",
    )
    whole.run()
    assert whole.there() == {"a": 0, "b": 1}


@pytest.mark.long
def test_a_row_of_a_whole_reading_that_becomes_invalid_takes_its_old_version_out(whole, log):
    log.rows["b"]["value"] = "ten"
    whole.run()
    assert (whole.there(), marked(whole)) == ({"a": 0, "c": 2}, {"b"})


@pytest.mark.parametrize(
    ("schema", "column", "value"),
    [(Deletable, "deleted_at", at(3)), (Flagged, "is_deleted", True)],
)
@pytest.mark.parametrize("way", ["since", "window", "whole"])
@pytest.mark.sample(1)
def test_a_row_that_the_source_calls_deleted_leaves_the_models_and_comes_back(
    home, log, schema, column, value, way
):
    give = {
        "since": log.read,
        "window": lambda window: log.read(None),
        "whole": lambda: log.read(None),
    }[way]
    time_column = "at" if way == "window" else None
    options = {"schema": schema, "way": way, "give": give, "time_column": time_column}
    home.change(**options, deletes=SoftDelete(column))
    home.run(0, 3)
    log.put("b", 1, day=1, **{column: value})
    home.run(0, 3)
    assert (home.there(), marked(home)) == ({"a": 0, "c": 2}, {"b"})
    assert home.published("total") == [{"rows": 2, "total": 2}]
    head = home.head()
    assert (home.run(0, 3).status, home.head()) == ("nothing to do", head)
    log.rows.pop("a")  # the source says what is gone: what does not come is there
    log.put("b", 7, day=1)
    home.run(0, 3)
    assert (home.there(), marked(home)) == ({"a": 0, "b": 7, "c": 2}, set())


@pytest.mark.long
def test_a_deleted_row_that_is_invalid_takes_its_old_version_out(home, log):
    home.change(give=log.read, schema=Deletable, deletes=SoftDelete("deleted_at"))
    home.run()
    log.put("b", None, day=1, deleted_at=at(3))
    home.run()
    assert (home.there(), marked(home)) == ({"a": 0, "c": 2}, {"b"})


@pytest.mark.long
def test_another_declaration_of_deletes_marks_what_is_stored_anew(home, log):
    class Both(Deletable, Flagged):
        pass

    log.put("b", 1, day=1, is_deleted=True)
    log.put("c", 2, day=2, deleted_at=at(3))
    options = {"give": log.read, "schema": Both}
    home.change(**options)
    home.run()
    assert {*home.there()} == {*"abc"}
    for deletes, gone in [
        (SoftDelete("is_deleted"), {"b"}),
        (SoftDelete("deleted_at"), {"c"}),
        (None, set()),
    ]:
        home.change(**options, deletes=deletes)
        home.run()
        assert {*home.there()} == {*"abc"} - gone, deletes


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("deleted", "'deleted', its `deletes`, is not in its schema"),
        ("value", "'value', by which `deletes` goes, is of type int64"),
    ],
)
def test_a_column_that_cannot_say_what_is_deleted_is_told(home, column, message):
    with pytest.raises(ProjectError, match=message):
        home.change(deletes=SoftDelete(column))
