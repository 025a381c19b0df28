"""Whatever others did in Postgres, a publication goes on, or says what to change."""

from types import ModuleType

import ibis
import psycopg
import pytest
from marts import add_marts, mart
from pooler import pooling
from toy import at, event, into

from lakehouse import Incremental, UniqueCheck, quality
from lakehouse.errors import PublishError, UnknownNameError
from lakehouse.history import main_moves
from lakehouse.publish import departed
from lakehouse.run.plan_preview import preview
from lakehouse.windows import ALL_TIME


def execute(address, sql):
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else None


def ids(events):
    return events.select("id", "value", "at")


@pytest.fixture
def published(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0, 1)
    return toy


@pytest.fixture
def listed(toy, source):
    """With a mart of all events, by day, and a unique index that somebody put on it."""
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    add_marts(toy, mart(ids, "listed"), kind=Incremental(time_column="at"))
    toy.run(0, 1)
    execute(toy.postgres, "create unique index on marts.listed (id)")
    return toy


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "harm",
    [
        "drop table marts.daily",
        "alter table marts.daily drop column total",
        "alter table marts.daily alter column total type text",
        "drop schema marts cascade",
        "drop schema lakehouse_staging cascade; drop table marts.publication",
        "drop table marts.daily; create table marts.daily (day date, other int)",
    ],
)
def test_what_somebody_took_away_comes_back_with_the_next_run(published, harm):
    before = published.published("daily")
    execute(published.postgres, harm)
    report = published.run(0)
    assert (report.status, report.commit) == ("done", None)
    assert published.published("daily") == before
    assert published.run(0).status == "nothing to do"


@pytest.mark.long
@pytest.mark.parametrize(
    ("made", "what"),
    [("table marts.total (x int)", "a table"), ("view marts.total as select 1 as x", "a view")],
)
def test_what_somebody_made_under_a_marts_name_is_not_touched(toy, source, made, what):
    source.rows = [event("a", 1, at(0))]
    execute(toy.postgres, f"create schema marts; create {made}")
    with pytest.raises(PublishError, match=rf"marts\.total is {what} .* that no publication made"):
        toy.run(0)
    execute(toy.postgres, "drop " + made.partition(" (")[0].partition(" as ")[0])
    assert toy.run(0).published == {"daily": 1, "total": 1}


@pytest.mark.long
@pytest.mark.parametrize("action", ["no action", "restrict", "cascade", "set null"])
def test_what_refers_to_a_row_that_comes_back_stays(listed, source, action):
    execute(
        listed.postgres,
        "create table public.notes (id text references marts.listed (id) on update restrict"
        f" on delete {action}); insert into notes values ('a'), ('b')",
    )
    source.rows[0] = event("a", 7, at(0))
    listed.run(0, full_refresh=True)
    assert execute(listed.postgres, "select id from notes order by 1") == [("a",), ("b",)]
    assert execute(listed.postgres, "select value from marts.listed order by id") == [(7,), (2,)]


@pytest.mark.long
def test_a_row_that_others_refer_to_and_that_goes_is_named(listed, source):
    execute(
        listed.postgres,
        "create table public.notes (id text constraint known references marts.listed (id));"
        " insert into notes values ('a')",
    )
    head = listed.head()
    listed.source.rows = source.rows = []
    add_marts(
        listed,
        mart(lambda events: ids(events).filter(events.id != "a"), "listed"),
        kind=Incremental(time_column="at"),
    )
    with pytest.raises(PublishError, match='"known"') as caught:
        listed.run(0)
    assert "(id)=(a)" in caught.value.message
    assert "refers to the row" in caught.value.hint
    assert listed.head() != head
    execute(listed.postgres, "drop table notes")
    listed.run(0)
    assert execute(listed.postgres, "select id from marts.listed") == [("b",)]


@pytest.mark.long
def test_columns_change_also_where_others_refer_to_rows(listed):
    execute(
        listed.postgres,
        "create table public.notes (id text references marts.listed (id));"
        " insert into notes values ('a')",
    )
    add_marts(
        listed,
        mart(lambda events: ids(events).mutate(value=events.value / 2, more=1), "listed"),
        kind=Incremental(time_column="at"),
    )
    listed.run(0)
    found = execute(listed.postgres, "select id, value, more from marts.listed order by id")
    assert found == [("a", 0.5, 1), ("b", 1.0, 1)]


def decimals(digits, scale):
    def made(events):
        value = ibis.literal("1.2345").cast("decimal(10, 4)") * events.value
        return events.select("id", "at", x=value.cast(f"decimal({digits}, {scale})"))

    return mart(made, "sums")


@pytest.mark.long
def test_a_decimal_that_gets_more_digits_is_rounded_nowhere(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    kind = Incremental(time_column="at")
    add_marts(toy, decimals(5, 2), kind=kind)
    toy.run(0, 1)
    add_marts(toy, decimals(12, 4), kind=kind)
    toy.run(1)
    found = execute(toy.postgres, "select x::text from marts.sums order by id")
    assert found == [("1.2345",), ("2.4690",)]


@pytest.mark.long
def test_a_column_that_becomes_another_type_keeps_every_row(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    kind = Incremental(time_column="at")
    add_marts(toy, mart(ids, "listed"), kind=kind)
    toy.run(0, 1)
    add_marts(toy, mart(lambda e: ids(e).mutate(value=ibis.array([e.value])), "listed"), kind=kind)
    toy.run(1)
    found = execute(toy.postgres, "select value from marts.listed order by id")
    assert found == [([1],), ([2],)]


NAMES = ["n" * 63, "ä" * 31, "select", "Ünïcode;--", "%s"]


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_form_are_published_again_and_again(toy, source, name):
    source.rows = [event("a", 1, at(0))]
    identifier = name if name.isidentifier() and name.isascii() else "n" * 63
    for value in range(3):
        add_marts(toy, mart(lambda e, x=value: e.select(**{name: e.value + x}), identifier))
        toy.run(0)
    assert toy.published(f'"{identifier}"') == [{name: 3}]


@pytest.fixture
def without_model(listed):
    """A home that has published the mart `listed`, whose model is removed now."""
    add_marts(listed)
    return listed


@pytest.mark.long
def test_a_mart_without_a_model_stays_as_it_is_until_it_is_dropped(without_model, source):
    toy = without_model
    before = toy.published("listed")
    source.rows.append(event("c", 5, at(1)))
    toy.run(1)
    assert toy.published("listed") == before
    assert departed.without_model(toy.session) == ["listed"]
    with toy.session as session:
        main_moves.drop_mart(session, "listed")
    assert execute(toy.postgres, "select to_regclass('marts.listed')") == [(None,)]
    assert departed.without_model(toy.session) == []
    assert toy.run(1).status == "nothing to do"


@pytest.mark.long
def test_a_plan_shows_marts_without_a_model(without_model):
    without_model.run(1)
    session = without_model.session
    nodes = preview(session, (ALL_TIME,), frozenset(session.project.tables))
    (listed,) = [node for node in nodes if node.node == "marts.listed"]
    assert listed.why == "removed from the code"
    assert listed.becomes.endswith("; Postgres keeps it until `publish --drop listed`")


@pytest.mark.long
def test_a_mart_whose_model_comes_back_is_brought_up_to_date(without_model, source):
    source.rows.append(event("c", 5, at(1)))
    without_model.run(1)
    add_marts(without_model, mart(ids, "listed"), kind=Incremental(time_column="at"))
    without_model.run(1)
    assert [row["id"] for row in without_model.published("listed")] == ["a", "b", "c"]


@pytest.mark.long
def test_a_rollback_empties_a_mart_that_did_not_exist_yet(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    before = toy.head()
    add_marts(toy, mart(ids, "listed"))
    toy.run(0)
    with toy.session as session:
        main_moves.rollback(session, before)
    assert toy.published("listed") == []


@pytest.mark.long
def test_a_mart_that_a_model_makes_is_not_dropped(published):
    with published.session as session, pytest.raises(PublishError, match="a model makes it"):
        main_moves.drop_mart(session, "total")


@pytest.mark.long
def test_a_table_that_no_publication_made_is_not_dropped(published):
    execute(published.postgres, "create table marts.mine (x int)")
    with published.session as session, pytest.raises(UnknownNameError, match="no mart 'mine'"):
        main_moves.drop_mart(session, "mine")


@pytest.mark.long
def test_a_mart_that_others_need_is_not_dropped(without_model):
    execute(without_model.postgres, "create view public.mine as select id from marts.listed")
    with without_model.session as session, pytest.raises(PublishError, match="view mine"):
        main_moves.drop_mart(session, "listed")


@pytest.mark.long
def test_a_pooler_that_gives_each_transaction_another_session_will_do(toy, source):
    direct = toy.postgres
    with pooling(direct) as address:
        toy.environment["LAKEHOUSE_POSTGRES_URL"] = address
        for number in range(5):
            source.rows.append(event(str(number), number, at(0)))
            toy.run(0)
        held = execute(direct, "select count(*) from pg_locks where locktype = 'advisory'")
    assert held == [(0,)]
    assert toy.published("total") == [{"rows": 5, "total": 10}]


def keyed(toy, make, columns=("id",)):
    """Let the toy have a mart `listed` of these rows, which a check says are identified so."""
    module = ModuleType("toy.key")

    @quality(table="marts.listed", checks=[UniqueCheck(list(columns))])
    @into(module)
    def unique(): ...

    add_marts(toy, mart(make, "listed", doc="Events.\n\n    With their 'values'."), checks=[module])


KEY = (
    "select conname from pg_constraint where conrelid = 'marts.listed'::regclass and contype = 'p'"
)


@pytest.mark.long
def test_key_and_docstring_are_published_too(toy, source):
    source.rows = [event("a", 1, at(0))]
    keyed(toy, ids)
    toy.run(0)
    assert len(execute(toy.postgres, KEY)) == 1
    comment = execute(toy.postgres, "select obj_description('marts.listed'::regclass)")
    assert comment == [("Events.\n\nWith their 'values'.",)]


@pytest.mark.long
def test_an_index_finds_the_rows_of_a_window(listed):
    found = execute(listed.postgres, "select indexdef from pg_indexes where tablename = 'listed'")
    assert any(definition.endswith("(at)") for (definition,) in found)


@pytest.mark.long
@pytest.mark.parametrize(
    "spoiled",
    [
        lambda events: ids(events).mutate(id=ibis.null("string")).limit(1),
        lambda events: ids(events).mutate(id=long_text(events)),
    ],
    ids=["null", "long"],
)
@pytest.mark.parametrize("at_first", [True, False])
def test_rows_that_allow_no_key_are_published_without(toy, source, spoiled, at_first):
    source.rows = [event("a", 1, at(0))]
    if not at_first:
        keyed(toy, ids)
        toy.run(0)
    keyed(toy, spoiled)
    assert toy.run(0).published["listed"] == 1
    assert execute(toy.postgres, KEY) == []


def long_text(events):
    """A text that no index of Postgres can hold, however it is compressed."""
    numbers = ibis.range(2000).map(lambda number: (number * number * 7919 % 1000003).cast("string"))
    return events.id + numbers.join("")


@pytest.mark.long
def test_names_that_statements_use_themselves_are_names_like_others(toy, source):
    source.rows = [event("a", 1, at(0))]
    names = ["item", "item_0", "each", "place", "staged", "old", "new", "excluded", "rows", "k"]

    def made(events):
        pair = ibis.struct({"item": events.id, "k": ibis.array([ibis.array([events.id])])})
        lists = {name: ibis.array([events.id]) for name in names}
        return events.select(pair=pair, **lists)

    add_marts(toy, mart(made))
    assert toy.run(0).published["typed"] == 1
    (row,) = toy.published("typed")
    assert row == {"pair": {"item": "a", "k": [["a"]]}, **{key: ["a"] for key in names}}
