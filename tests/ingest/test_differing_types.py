"""Pages whose types differ, fields that may be null instead, and columns that change their type."""

from contextlib import ExitStack
from decimal import Decimal
from itertools import count
from types import ModuleType

import ibis.expr.datatypes as dt
import pandera.ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from toy import Events, Source, Toy, at, event, into

from lakehouse import OPTIONAL, Table, ingestion, model
from lakehouse.errors import LakehouseError
from lakehouse.records.listener import Silence

TIMES = pa.timestamp("us", "UTC")


def page(key, value, kind):
    """A page of one row whose value has a type of its own."""
    return pa.table({"id": [key], "value": pa.array([value], kind), "at": pa.array([at(0)], TIMES)})


class Shop(Toy):
    """A project of one ingestion, whose schema the test changes, and one mart of its rows."""

    def change(self, *, schema=Events):
        module = ModuleType("shop.marts")

        @ingestion(table_name="events", unique_key="id", validation_schema=schema, time_column="at")
        @into(module)
        def events(window):
            yield from self.source.read(window)

        @model(kind=Table())
        @into(module)
        def kept(events):
            return events.select("id", "value")

        self.declare([module])


@pytest.fixture
def shops(tmp_path, databases, engine):
    """Makes shops, each in a home and a database of its own."""
    numbers = count()
    with ExitStack() as lent:

        def make():
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            return Shop(folder, lent.enter_context(databases.lend()), Source(), engine)

        yield make


@pytest.fixture
def toy(shops):
    return shops()


@pytest.fixture
def source(toy):
    return toy.source


def values(toy):
    return {row["id"]: row["value"] for row in toy.rows("raw.events")}


def rejected(toy):
    return {row["id"]: row["reasons"] for row in toy.rows("quarantine.events")}


class Texts(Events):
    value: str


class Doubles(Events):
    value: float


class Small(Events):
    value: dt.Int8


class Cents(Events):
    value: dt.Decimal(12, 2)


class Lenient(Events):
    value: int = pandera.ibis.Field(nullable=True, metadata=OPTIONAL)


PAGES = [
    page("a", 2**53 + 1, pa.int64()),
    page("b", 1.5, pa.float64()),
    page("c", "2", pa.string()),
    page("d", None, pa.null()),
    page("e", [7], pa.list_(pa.int64())),
]


@pytest.mark.long
def test_each_page_is_cast_from_its_own_type(toy, source):
    source.read = lambda _: iter(PAGES)

    toy.run(0)

    assert values(toy) == {"a": 2**53 + 1, "c": 2}
    assert set(rejected(toy)) == {"b", "d", "e"}


@pytest.mark.long
def test_the_order_of_pages_decides_nothing(toy, source):
    source.read = lambda _: iter(PAGES[::-1])

    toy.run(0)

    assert values(toy) == {"a": 2**53 + 1, "c": 2}


@pytest.mark.long
def test_a_rejected_row_of_any_page_keeps_all_its_fields(toy, source):
    source.read = lambda _: iter(PAGES)

    toy.run(0)

    payloads = {row["id"]: row["payload"] for row in toy.rows("quarantine.events")}
    assert '"value":1.5' in payloads["b"]
    assert '"value":[7]' in payloads["e"]


@pytest.mark.long
def test_the_newest_row_of_a_key_wins_whatever_its_type(toy, source):
    source.read = lambda _: iter([page("a", 1, pa.int64()), page("a", "2", pa.string())])

    toy.run(0)

    assert values(toy) == {"a": 2}


class Told(Silence):
    """Keeps the warnings of a run."""

    def __init__(self):
        self.warnings = []

    def warning(self, message):
        self.warnings.append(message)


@pytest.fixture
def lenient(toy, source):
    """A home that has read an optional value which is no number."""
    toy.change(schema=Lenient)
    source.rows = [event("a", 1, at(0)), event("b", "x", at(0)), event("c", "1e99", at(0))]
    toy.told = Told()
    toy.run(0, listener=toy.told)
    return toy


@pytest.mark.long
def test_an_optional_value_of_another_type_is_null(lenient):
    assert values(lenient) == {"a": 1, "b": None, "c": None}


@pytest.mark.long
def test_optional_values_that_became_null_are_counted_in_a_warning(lenient):
    assert lenient.told.warnings == [
        "raw.events: values that were not of their type are null: 2 of 'value'"
    ]


@pytest.mark.long
def test_the_same_rows_are_not_warned_of_again(lenient):
    told = Told()
    lenient.run(0, listener=told)
    assert told.warnings == []


@pytest.mark.long
def test_another_check_of_an_optional_field_still_holds(lenient, source):
    class Positive(Events):
        value: int = pandera.ibis.Field(nullable=True, metadata=OPTIONAL, ge=0)

    lenient.change(schema=Positive)
    source.rows = [event("d", -1, at(0)), event("e", "x", at(0))]
    lenient.run(0)
    assert set(rejected(lenient)) == {"d"}


WIDER = [
    (Small, "7", Events, 7),
    (Events, "7", Texts, "7"),
    (Events, "7", Cents, 7),
    (Texts, "7", Events, 7),
]


@pytest.mark.long
@pytest.mark.parametrize(("before", "value", "after", "kept"), WIDER)
def test_a_column_that_changes_its_type_keeps_its_values(toy, source, before, value, after, kept):
    toy.change(schema=before)
    source.rows = [event("a", value, at(0))]
    toy.run(0)

    toy.change(schema=after)
    source.rows.append(event("b", value, at(1)))
    toy.run(1)

    assert values(toy) == {"a": kept, "b": kept}


NARROWER = [
    (Events, str(2**53 + 1), Doubles),
    (Doubles, "1.5", Events),
    (Texts, "x", Events),
    (Events, "300", Small),
]


@pytest.mark.sample(1)
@pytest.mark.parametrize(("before", "value", "after"), NARROWER)
def test_a_stored_value_that_would_change_is_told_and_main_stays(toy, source, before, value, after):
    toy.change(schema=before)
    source.rows = [event("a", value, at(0))]
    toy.run(0)
    head = toy.head()

    toy.change(schema=after)
    with pytest.raises(LakehouseError, match=r"raw\.events holds 1 values of 'value'") as told:
        toy.run(1)

    assert value in told.value.message
    assert told.value.hint
    assert toy.head() == head


NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(lambda number: (number, pa.int64())),
    st.floats().map(lambda number: (number, pa.float64())),
    st.text(max_size=5).map(lambda text: (text, pa.string())),
    st.just((None, pa.null())),
)


@pytest.mark.long
@settings(
    max_examples=settings.default.max_examples // 5,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # runs are too slow to shrink
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(numbers=st.lists(NUMBERS, min_size=1, max_size=6))
def test_raw_or_quarantine_holds_every_row_of_pages_of_any_types(shops, numbers):
    toy = shops()
    toy.source.read = lambda _: iter(
        page(str(place), value, kind) for place, (value, kind) in enumerate(numbers)
    )

    toy.run(0)

    kept, aside = values(toy), set(rejected(toy)) if "quarantine.events" in tables(toy) else set()
    assert kept.keys() | aside == {str(place) for place in range(len(numbers))}
    for place, (value, _) in enumerate(numbers):
        if value is not None and str(place) in kept:
            number = Decimal(value.strip()) if isinstance(value, str) else value
            assert kept[str(place)] == number


def tables(toy):
    with toy.session as session:
        return session.catalog.tables("main")
