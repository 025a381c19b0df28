"""What each ready check finds, by a run of the toy project that declares it."""

import shlex
from datetime import UTC, datetime
from types import ModuleType

import pandera.ibis
import pytest
from toy import FIRST, at, event, into, modules

from lakehouse import (
    AcceptedValuesCheck,
    CustomCheck,
    FreshnessCheck,
    NullCheck,
    PatternCheck,
    RangeCheck,
    ReconciliationCheck,
    ReferenceCheck,
    RowCountCheck,
    SchemaCheck,
    UniqueCheck,
    quality,
)
from lakehouse.audit import audit
from lakehouse.audit.check_now import check_now
from lakehouse.checks.result import CheckOutcome
from lakehouse.cli import main
from lakehouse.engines import Source
from lakehouse.engines.duckdb_relations import scan
from lakehouse.engines.sql import select
from lakehouse.errors import CheckFailedError, DeclarationError, ProjectError


@pytest.fixture
def declare(toy, source):
    """Adds checks to the toy project: those of `qualities`, each a function named c0, c1, …"""

    def declare(*qualities):
        module = ModuleType("toy.more_checks")
        for number, arguments in enumerate(qualities):
            options = {"table": "silver.steps", "blocking": False, **arguments}

            def found(): ...

            function = options.pop("function", found)
            function.__name__ = function.__qualname__ = f"c{number}"
            quality(**options)(into(module)(function))
        toy.declare((*modules(source), module))

    return declare


@pytest.fixture
def found(toy, declare):
    """Runs the first three days with one check; its result."""

    def found(*checks, **options):
        declare({"checks": checks, **options})
        results = [each for each in toy.run(0, 2).checks if each.check == "c0"]
        assert len(results) == 1
        return results[0]

    return found


@pytest.fixture(autouse=True)
def rows(source):
    source.rows = [
        event("a", 1, at(0)),
        event("b", 5, at(0, 13)),
        event("c", 5, at(1)),
        event("D", 9, at(2)),
    ]


FAILURES = [
    (NullCheck(["id", "value"]), 0),
    (NullCheck(["before"]), 1),
    (NullCheck(["before"], where=lambda t: t.value > 1), 0),
    (RangeCheck("value", 2), 1),
    (RangeCheck("value", max_value=4), 3),
    (RangeCheck("value", 2, 8), 2),
    (RangeCheck("before", 2), 1),
    (AcceptedValuesCheck("value", (1, 5)), 1),
    (PatternCheck("id", "^[a-z]$"), 1),
    (PatternCheck("id", "[a-zD]"), 0),
    (UniqueCheck(("id",)), 0),
    (UniqueCheck(("value",)), 1),
    (UniqueCheck(("value", "before")), 0),
    (UniqueCheck(("value",), where=lambda t: t.value < 5), 0),
    (RowCountCheck(4, 4), 0),
    (RowCountCheck(5), 1),
    (RowCountCheck(max_rows=3), 1),
    (RowCountCheck(3, where=lambda t: t.value > 1), 0),
    (CustomCheck("grows", lambda t: t.value > t.before), 1),
    (CustomCheck("in all", lambda t: t.value.sum() == 20), 0),
    (CustomCheck("in all", lambda t: t.value.sum() < 20), 1),
    (ReferenceCheck("id", to="raw.events"), 0),
    (ReferenceCheck("value", to="silver.steps", to_columns="before"), 1),
    (ReferenceCheck(("id", "value"), to="silver.steps", to_columns=("id", "before")), 3),
    (ReconciliationCheck("raw.events", lambda t: t.value.sum()), 0),
    (ReconciliationCheck("marts.total", lambda t: t.value.sum(), lambda t: t.rows.sum()), 1),
    (
        ReconciliationCheck(
            "marts.total", lambda t: t.count() + 2, lambda t: t.rows.sum(), within=2
        ),
        0,
    ),
    (ReconciliationCheck("silver.valid", lambda t: t.value.max(), by="id"), 0),
    (
        ReconciliationCheck(
            "silver.valid", lambda t: t.value.max(), by="id", where=lambda t: t.id > "a"
        ),
        2,
    ),
]


@pytest.mark.long
def test_each_check_counts_what_breaks_it(toy, declare):
    declare(*({"checks": [check]} for check, _ in FAILURES))
    results = {each.check: each for each in toy.run(0, 2).checks}
    found = [
        (check.label, results[f"c{place}"].failures) for place, (check, _) in enumerate(FAILURES)
    ]
    assert found == [(check.label, failures) for check, failures in FAILURES]
    assert all(each.passed == (each.failures == 0) for each in results.values())


@pytest.fixture
def many(monkeypatch):
    """Treats every table as one of many rows."""
    monkeypatch.setattr(audit, "MANY_ROWS", 0)


class Suspicious(UniqueCheck):
    """Suspects every row."""

    def suspects(self, table):
        return table


class Trusting(UniqueCheck):
    """Suspects none."""

    def suspects(self, table):
        return table.limit(0)


@pytest.mark.sample(1)
@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("column", "failures"), [("id", 0), ("value", 1)])
def test_what_is_suspected_is_counted_exactly(found, column, failures):
    assert found(Suspicious([column])).failures == failures


@pytest.mark.long
@pytest.mark.usefixtures("many")
def test_of_many_rows_only_what_is_suspected_is_counted(found):
    assert found(Trusting(["value"])).failures == 0


@pytest.mark.long
def test_of_few_rows_all_are_counted(found):
    assert found(Trusting(["value"])).failures == 1


@pytest.mark.sample(1)
@pytest.mark.parametrize("size", ["few", "many"])
@pytest.mark.parametrize(
    ("where", "failures"), [(None, 2), (lambda t: t.id > "b", 1), (lambda t: t.id > "c", 0)]
)
def test_rows_beyond_the_first_of_their_key_are_counted(
    found, source, request, size, where, failures
):
    if size == "many":
        request.getfixturevalue("many")
    source.rows = [event(name, 5, at(0, hour)) for hour, name in enumerate("abcd")]
    assert found(UniqueCheck(("value", "before"), where=where)).failures == failures


@pytest.mark.long
def test_a_null_in_a_key_is_a_value_like_any_other(found, source):
    source.rows = [event("a", 1, at(0)), event("b", 1, at(9))]
    assert found(UniqueCheck(["before"])).failures == 0


class Steps(pandera.ibis.DataFrameModel):
    id: str = pandera.ibis.Field(isin=["a", "b", "c"])
    value: int = pandera.ibis.Field(ge=2)


def test_a_schema_check_counts_rows_that_the_schema_refuses(found):
    assert found(SchemaCheck(Steps)).failures == 2


LIMITS = [
    ({"max_failures": 1}, False),
    ({"max_failures": 2}, True),
    ({"max_percent": 49}, False),
    ({"max_percent": 50}, True),
    ({"max_percent": 50, "max_failures": 1}, False),
]


@pytest.mark.long
def test_failures_within_the_tolerance_are_borne(toy, declare):
    declare(*({"checks": [RangeCheck("value", 2, 8, **limits)]} for limits, _ in LIMITS))
    passed = {each.check: each.passed for each in toy.run(0, 2).checks}
    assert [passed[f"c{place}"] for place in range(len(LIMITS))] == [good for _, good in LIMITS]


@pytest.mark.long
def test_the_tolerance_of_the_function_holds_for_its_checks_too(found):
    assert found(RangeCheck("value", 2), max_failures=1).passed


@pytest.mark.long
def test_a_percentage_is_of_the_rows_that_are_looked_at(found):
    check = RangeCheck("value", 6, where=lambda t: t.value > 4, max_percent=60)
    result = found(check)
    assert (result.failures, result.rows, result.passed) == (2, 3, False)


@pytest.mark.long
def test_a_function_has_a_tolerance_of_its_table_s_rows(found):
    def large(steps):
        return steps.filter(steps.value > 4)

    result = found(function=large, max_percent=75)
    assert (result.failures, result.rows, result.passed) == (3, 4, True)


@pytest.mark.long
def test_what_fails_shows_a_few_rows_and_how_to_see_all(found, toy):
    result = found(RangeCheck("value", 2, 8))
    shown = sorted((row["value"], row["id"]) for row in result.examples)
    assert shown == [(1, "a"), (9, "D")]
    assert len(toy.session.query(result.sql)) == 2


@pytest.mark.long
def test_an_example_shows_no_long_text(found, source):
    source.rows = [event("x" * 1000, 1, at(0))]
    (row,) = found(RangeCheck("value", 2)).examples
    assert len(row["id"]) < 100


@pytest.mark.long
def test_what_passes_shows_nothing(found):
    result = found(RangeCheck("value", 0))
    assert (result.examples, result.sql) == ((), "")


@pytest.mark.long
def test_the_statement_of_a_comparison_names_its_tables(found, toy):
    check = ReferenceCheck("value", to="silver.steps", to_columns="before")
    rows = toy.session.query(found(check).sql).to_pylist()
    assert [row["value"] for row in rows] == [9]


@pytest.mark.long
def test_the_command_of_a_failure_can_be_pasted(toy, declare, source, monkeypatch, capsys, engine):
    declare({"checks": [AcceptedValuesCheck("id", ["a", "it's"])], "blocking": True})
    with pytest.raises(CheckFailedError) as failure:
        toy.run(0, 2)
    words = shlex.split(failure.value.hint.partition(": ")[2])
    monkeypatch.setattr("lakehouse.engines.duckdb.connect", lambda *_, **__: engine)
    monkeypatch.setattr("lakehouse.declare.project.load", lambda _: toy.project)
    monkeypatch.setattr("lakehouse.session.Session.compiled", toy.compiled)
    monkeypatch.chdir(toy.folder)
    assert words[:2] == ["lakehouse", "query"]
    assert main(words[1:]) == 0
    assert capsys.readouterr().out.count("2024-03-") == 3


@pytest.mark.long
def test_only_rows_of_the_windows_that_changed_are_looked_at(toy, declare, source):
    declare({"checks": [RangeCheck("value", 2)]})
    toy.run(0, 2)
    source.rows.append(event("e", 0, at(20)))
    (result,) = [each for each in toy.run(20).checks if each.check == "c0"]
    assert (result.failures, result.rows) == (1, 1)
    assert len(toy.session.query(result.sql)) == 1


@pytest.mark.long
def test_a_row_count_is_of_the_whole_table(toy, declare, source):
    declare({"checks": [RowCountCheck(5, 5)]})
    toy.run(0, 2)
    source.rows.append(event("e", 0, at(20)))
    (result,) = [each for each in toy.run(20).checks if each.check == "c0"]
    assert result.passed


@pytest.mark.long
def test_all_rows_are_looked_at_if_what_they_refer_to_changed(toy, declare, source):
    declare({"checks": [ReferenceCheck("id", to="raw.events")]})
    toy.run(0, 2)
    source.rows.append(event("e", 0, at(20)))
    (result,) = [each for each in toy.run(20).checks if each.check == "c0"]
    assert result.passed


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    "check",
    [
        RangeCheck("nope", 1),
        UniqueCheck(["id", "nope"]),
        PatternCheck("nope", "x"),
        PatternCheck("value", "x"),
        FreshnessCheck("at", 1, by=["nope"]),
        CustomCheck("x", lambda t: t.nope > 1),
        CustomCheck("x", lambda t: t.value),
        CustomCheck("x", lambda t: t.value.sum() > 1, where=lambda t: t.value > 1),
        RangeCheck("value", 1, where=lambda t: t.nope),
        ReferenceCheck("id", to="raw.events", to_columns="nope"),
        ReferenceCheck("id", to="silver.events"),
        ReferenceCheck("id", to="raw.nothing"),
        ReconciliationCheck("raw.events", lambda t: t.nope.sum()),
    ],
    ids=lambda check: check.label,
)
def test_a_check_that_cannot_be_asked_is_refused_before_anything_runs(declare, check):
    with pytest.raises(ProjectError, match="c0"):
        declare({"checks": [check]})


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        (pandera.ibis.Field(unique=True), "UniqueCheck"),
        (pandera.ibis.Field(), "is int64, and the schema wants string"),
    ],
)
def test_a_schema_that_rows_cannot_be_asked_for_is_refused(declare, field, complaint):
    kind = int if "Unique" in complaint else str
    schema = type(
        "Wrong",
        (pandera.ibis.DataFrameModel,),
        {"__annotations__": {"value": kind}, "value": field},
    )
    with pytest.raises(ProjectError, match=complaint):
        declare({"checks": [SchemaCheck(schema)]})


def test_a_function_that_asks_for_an_unknown_column_is_refused(declare):
    with pytest.raises(ProjectError, match=r"c0.*nope"):
        declare({"function": lambda steps: steps.filter(steps.nope > 1)})


@pytest.mark.parametrize(
    "options", [{"max_failures": -1}, {"checks": [RangeCheck("value", 1, max_percent=-1)]}]
)
def test_a_tolerance_below_nothing_is_refused(declare, options):
    with pytest.raises(DeclarationError, match="0 or more"):
        declare({"checks": [RangeCheck("value", 1)], **options})


@pytest.mark.long
def test_all_ready_checks_of_a_table_are_one_scan(toy, declare, engine):
    half = [
        *(RangeCheck("value", low) for low in range(4)),
        NullCheck(["id"]),
        UniqueCheck(["id"]),
        UniqueCheck(["id", "value"]),
        PatternCheck("id", "[a-z]"),
        AcceptedValuesCheck("value", [1, 5, 9]),
        CustomCheck("grows", lambda t: t.value > t.before),
    ]
    declare({"checks": half}, {"checks": [*half[:8], FreshnessCheck("at", 1), RowCountCheck(1)]})
    toy.run(0, 2)
    assert sum(len(spec.checks) for spec in toy.project.checks_of("steps")) >= 20
    steps = toy.session.catalog.tables("main")["silver.steps"]
    own = Source("steps", toy.compiled.schemas["steps"], stored=steps)
    sql = select(toy.compiled.counts["steps"], [own], scan, "duckdb")
    plan = engine.connection.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()[0][1]
    assert plan.count('"name": "ICEBERG_SCAN') == 1


@pytest.mark.long
def test_a_table_is_asked_once_in_a_run(toy, declare, engine, monkeypatch):
    asked = []
    counts = type(engine).counts
    monkeypatch.setattr(
        type(engine), "counts", lambda self, given: asked.append(given) or counts(self, given)
    )
    declare({"checks": [RangeCheck("value", 0)]}, {"checks": [UniqueCheck(["id"])]})
    toy.run(0, 2)
    named = [{source.name for each in given for source in each.sources} for given in asked]
    assert [names for names in named if "steps" in names] == [{"steps"}]


@pytest.mark.long
def test_on_demand_the_last_change_is_looked_at_or_everything(toy, declare, source):
    declare({"checks": [RangeCheck("value", 2)]})
    toy.run(0, 2)
    source.rows.append(event("e", 7, at(20)))
    toy.run(20)
    selected = frozenset(["steps"])
    (last,) = [each for each in check_now(toy.session, selected) if each.check == "c0"]
    (every,) = [
        each for each in check_now(toy.session, selected, everything=True) if each.check == "c0"
    ]
    assert (last.rows, last.failures) == (1, 0)
    assert (every.rows, every.failures) == (5, 1)


@pytest.mark.long
def test_on_demand_only_selected_tables_are_looked_at(toy, declare):
    declare({"checks": [RangeCheck("value", 2)]})
    toy.run(0, 2)
    assert check_now(toy.session, frozenset(["daily"]), everything=True) == []


@pytest.mark.long
def test_on_demand_an_old_table_is_stale(toy, declare):
    declare({"checks": [FreshnessCheck("at", 24)]})
    assert not [each for each in toy.run(0, 2).checks if each.check == "c0"]
    (result,) = [
        each for each in check_now(toy.session, frozenset(["steps"])) if each.check == "c0"
    ]
    assert not result.passed


@pytest.mark.long
def test_one_silent_key_is_stale(toy, declare, source):
    now = datetime.now(UTC)
    source.rows.append(event("new", 1, now))
    declare({"checks": [FreshnessCheck("at", 24, by=["id"])]})
    day = (now.date() - FIRST).days
    toy.run(0, 2)
    (result,) = [each for each in toy.run(day).checks if each.check == "c0"]
    assert result.failures == 4
    assert {row["id"] for row in result.examples} == {"a", "b", "c", "D"}


@pytest.mark.parametrize(
    ("passed", "blocking", "outcome", "shown"),
    [
        (True, True, "passed", "passed"),
        (True, False, "passed", "passed"),
        (False, False, "warning", "warning"),
        (False, True, "failed", "FAILED"),
    ],
)
def test_the_outcome_of_a_check_is_a_word(passed, blocking, outcome, shown):
    found = CheckOutcome.of({"passed": passed, "blocking": blocking})
    assert (found, found.shown) == (outcome, shown)
