"""Checks where a statement is dear: those of small tables are asked together."""

from threading import Event
from types import ModuleType

import pytest
from toy import at, event, into, modules

from lakehouse import RangeCheck, quality
from lakehouse.engines.duckdb import DuckDB
from lakehouse.errors import CheckFailedError, QueryError
from lakehouse.run import checking, context
from lakehouse.system.tasks import Tasks


@pytest.fixture
def asked(monkeypatch):
    """How many questions each statement of the runs asked."""
    counts, found = DuckDB.counts, []

    def counted(engine, questions):
        found.append(len(questions))
        return counts(engine, questions)

    monkeypatch.setattr(DuckDB, "counts", counted)
    return found


@pytest.fixture
def days(toy, source, monkeypatch):
    """The toy with a check of its mart, too, whose statements are dear."""
    monkeypatch.setattr(DuckDB, "asks_together", True)
    module = ModuleType("toy.more_checks")
    few = quality(table="marts.daily", checks=[RangeCheck("rows", max_value=2)], blocking=False)

    @few
    @into(module)
    def few_rows(daily):
        """Ask what cannot be asked where a day has a total of 13: its day as a number."""
        return daily.filter(daily.total == 13).filter(daily.day.cast("string").cast("int64") == 1)

    toy.declare((*modules(source), module))
    source.rows = [event(name, n, at(n // 3)) for n, name in enumerate("abcd")]
    return toy


def found(report):
    return [(check.table, check.failures) for check in report.checks]


@pytest.fixture
def one_by_one(monkeypatch):
    """Nothing is done side by side."""
    monkeypatch.setattr(context, "_AT_ONCE", 1)


@pytest.mark.long
def test_small_tables_are_asked_about_in_one_statement(days, asked, one_by_one, monkeypatch):
    report = days.run(0, 1)
    checks, _counts_besides = asked
    assert checks == 3
    assert found(report) == [("silver.steps", 0), ("marts.daily", 1), ("marts.daily", 0)]
    assert [node.note for node in report.nodes if node.step == "check"] == [
        "1 passed",
        "1 of 2 failed",
    ]
    monkeypatch.setattr(DuckDB, "asks_together", False)
    assert found(days.run(0, 1, full_refresh=True)) == found(report)


@pytest.mark.long
def test_a_table_of_many_rows_is_asked_about_alone(days, asked, one_by_one, monkeypatch):
    days.run(0, 1)
    asked.clear()
    monkeypatch.setattr(checking, "MANY_ROWS", 3)  # of the two, steps alone has as many
    days.run(0, 1, full_refresh=True)
    of_many_rows, of_few_rows, _counts_besides = asked
    assert (of_many_rows, of_few_rows) == (1, 2)


@pytest.mark.long
def test_a_table_is_asked_about_while_another_is_built(days, monkeypatch):
    counts, build = DuckDB.counts, DuckDB.build
    are_asked, in_time = Event(), []

    def counted(engine, questions):
        are_asked.set()
        return counts(engine, questions)

    def built(engine, catalog, branch, work):
        if work.table == "marts.daily":
            in_time.append(are_asked.wait(timeout=30))
        return build(engine, catalog, branch, work)

    monkeypatch.setattr(DuckDB, "counts", counted)
    monkeypatch.setattr(DuckDB, "build", built)
    days.run(0, 1)
    assert in_time == [True]


@pytest.mark.long
def test_a_blocking_failure_among_them_keeps_main(days, source):
    source.rows.append(event("e", 700, at(1)))
    with pytest.raises(CheckFailedError, match=r"the first on silver\.steps"):
        days.run(0, 1)
    assert days.head() is None


@pytest.mark.long
def test_a_check_that_cannot_be_asked_is_named(days, source):
    source.rows = [event("a", 13, at(0))]
    with pytest.raises(QueryError, match=r"the checks of marts\.daily cannot be asked"):
        days.run(0)


@pytest.mark.long
def test_what_was_interrupted_is_not_asked_again(days, monkeypatch):
    asked = []

    def counted(engine, questions):
        asked.append(len(questions))
        raise QueryError("interrupted")

    monkeypatch.setattr(DuckDB, "counts", counted)
    monkeypatch.setattr(Tasks, "is_closed", True)
    with pytest.raises(QueryError, match="interrupted"):
        days.run(0, 1)
    assert len(asked) <= 3  # each table once, and what is counted besides
