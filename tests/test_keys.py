"""Models that are built by key: only the rows of those whose inputs changed, in Postgres too."""

from types import ModuleType

import ibis
import pandera.ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from toy import at, into

from lakehouse import Incremental, View, ingestion, model
from lakehouse.compile.compiler import compile_project
from lakehouse.declare.project import collect
from lakehouse.errors import DeclarationError, ProjectError

TABLES = ["silver.running", "marts.by_day", "marts.by_person"]


class Payments(pandera.ibis.DataFrameModel):
    who: str
    id: str
    amount: int
    at: ibis.dtype("timestamp('UTC', 6)") = pandera.ibis.Field()


class People(pandera.ibis.DataFrameModel):
    who: str
    factor: int


class Ledger:
    """Payments of several people, and a factor for each of them."""

    def __init__(self):
        self.payments, self.factors = {}, {}

    def pay(self, who, key, amount, moment):
        self.payments[who, key] = {"who": who, "id": key, "amount": amount, "at": moment}


def modules(ledger):
    """Each person's payments, multiplied by the person's factor and added up."""
    raw, silver, marts = (ModuleType(f"keyed.{name}") for name in ("raw", "silver", "marts"))

    @ingestion(
        table_name="payments",
        unique_key=("who", "id"),
        validation_schema=Payments,
        time_column="at",
    )
    @into(raw)
    def payments(window):
        shape = pa.schema(
            {
                "who": pa.string(),
                "id": pa.string(),
                "amount": pa.int64(),
                "at": pa.timestamp("us", "UTC"),
            }
        )
        rows = [row for row in ledger.payments.values() if window.start <= row["at"] < window.end]
        yield pa.Table.from_pylist(rows, schema=shape)

    @ingestion(table_name="people", unique_key="who", validation_schema=People)
    @into(raw)
    def people(window):
        rows = [{"who": who, "factor": factor} for who, factor in ledger.factors.items()]
        yield pa.Table.from_pylist(
            rows, schema=pa.schema({"who": pa.string(), "factor": pa.int64()})
        )

    @model(kind=View(time_column="at", key="who"))
    @into(silver)
    def paid(payments, people):
        joined = payments.left_join(people, "who")
        amount = joined.amount * joined.factor.fill_null(1)
        return joined.select("who", "id", "at", amount=amount)

    @model(kind=Incremental(time_column="at", lookback="1d", key="who"))
    @into(silver)
    def running(paid):
        day = ibis.window(group_by=[paid.who, paid["at"].date()], order_by=[paid["at"], paid.id])
        return paid.select("who", "id", "at", "amount", so_far=paid.amount.sum().over(day))

    @model(kind=Incremental(time_column="day", key="who"))
    @into(marts)
    def by_day(running):
        days = running.mutate(day=running["at"].date())
        return days.group_by("who", "day").agg(total=days.amount.sum())

    @model(kind=Incremental(key="who"))
    @into(marts)
    def by_person(running):
        return running.group_by("who").agg(total=running.amount.sum(), payments=running.count())

    return raw, silver, marts


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def paid(toy, ledger):
    """The project over the ledger."""
    toy.declare(modules(ledger))
    return toy


def rebuilt(report):
    """The windows and the rows of each model that a run built."""
    return {n.node: (n.windows, n.rows) for n in report.nodes if n.step == "model" and n.windows}


@pytest.mark.long
def test_one_persons_payment_rebuilds_that_persons_rows_alone(paid, ledger):
    for who in "ab":
        ledger.pay(who, "1", 5, at(0))
    paid.run(0)
    ledger.pay("a", "2", 7, at(0, 15))
    assert rebuilt(paid.run(0)) == {
        "silver.running": ("[2024-03-01, 2024-03-03) of who a", 2),
        "marts.by_day": ("[2024-03-01, 2024-03-03) of who a", 1),
        "marts.by_person": ("all of who a", 1),
    }
    assert paid.rows("marts.by_person") == [
        {"who": "a", "total": 12, "payments": 2},
        {"who": "b", "total": 5, "payments": 1},
    ]


@pytest.mark.long
def test_only_that_persons_rows_are_published(paid, ledger):
    for who in "ab":
        ledger.pay(who, "1", 5, at(0))
    paid.run(0)
    ledger.pay("a", "2", 7, at(0, 15))
    report = paid.run(0)
    assert report.published == {"by_day": 1, "by_person": 1}
    for table in ("by_day", "by_person"):
        assert paid.published(table) == paid.rows(f"marts.{table}")


@pytest.mark.long
def test_what_has_no_time_changes_a_person_for_all_time(paid, ledger):
    for who in "ab":
        ledger.pay(who, "1", 5, at(0))
    paid.run(0)
    ledger.factors = {"b": 10}
    assert rebuilt(paid.run(3))["silver.running"] == ("all of who b", 1)
    assert {row["who"]: row["total"] for row in paid.rows("marts.by_person")} == {"a": 5, "b": 50}


@pytest.mark.long
def test_a_name_with_a_quote_is_a_name(paid, ledger):
    for who in ("o'neil", 'say "x"; --', "ümlaut"):
        ledger.pay(who, "1", 5, at(0))
    paid.run(0)
    ledger.pay("o'neil", "2", 7, at(0, 15))
    paid.run(0)
    assert paid.published("by_person") == paid.rows("marts.by_person")
    assert {row["who"]: row["total"] for row in paid.rows("marts.by_person")}["o'neil"] == 12


payments = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from("123"),
        st.integers(1, 9),
        st.integers(0, 4),
        st.integers(0, 23),
    ),
    min_size=2,
    max_size=6,
)
factors = st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), max_size=2)
steps = st.lists(st.tuples(payments, factors, st.integers(0, 4)), min_size=2, max_size=4)


@pytest.mark.long
@settings(
    max_examples=settings.default.max_examples // 5,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # runs are too slow to shrink
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps)
def test_any_history_equals_a_full_refresh(fresh, history):
    ledger = Ledger()
    toy = fresh(None)
    toy.declare(modules(ledger))
    for changes, factors, day in history:
        for who, key, amount, number, hour in changes:
            ledger.pay(who, key, amount, at(number, hour))
        ledger.factors |= factors
        toy.run(day)
    toy.run(0, 4)
    built = {table: toy.rows(table) for table in TABLES}
    for table in ("by_day", "by_person"):
        assert toy.published(table) == built[f"marts.{table}"]
    toy.run(0, 4, full_refresh=True)
    assert built == {table: toy.rows(table) for table in TABLES}


def test_an_incremental_model_goes_by_something():
    with pytest.raises(DeclarationError, match="`time_column`, a `key` or both"):

        @model(kind=Incremental())
        def nothing(events): ...


def test_a_lookback_needs_a_time_column():
    with pytest.raises(DeclarationError, match="need a `time_column`"):

        @model(kind=Incremental(key="who", lookback="1d"))
        def nothing(events): ...


@pytest.mark.parametrize(
    ("key", "problem"), [("nobody", "not among its columns"), ("at", "is a timestamp")]
)
def test_a_key_that_cannot_be_one_is_refused(ledger, key, problem):
    raw, silver, marts = modules(ledger)

    @model(kind=Incremental(key=key))
    @into(silver)
    def wrong(running):
        return running

    with pytest.raises(ProjectError, match=problem):
        compile_project(collect((raw, silver, marts)), "duckdb")
