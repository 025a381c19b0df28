"""Checks where a statement is dear: those of small tables are asked at once."""

from types import ModuleType

import pytest
from toy import at, event, into, modules

from lakehouse import RangeCheck, quality
from lakehouse.engines.duckdb import DuckDB
from lakehouse.errors import CheckFailedError, QueryError
from lakehouse.run import checking


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


@pytest.mark.long
def test_small_tables_are_asked_about_in_one_statement(days, asked, monkeypatch):
    report = days.run(0, 1)
    assert len(asked) == 1
    assert found(report) == [("silver.steps", 0), ("marts.daily", 1), ("marts.daily", 0)]
    assert [node.note for node in report.nodes if node.step == "check"] == [
        "1 passed",
        "1 of 2 failed",
    ]
    monkeypatch.setattr(DuckDB, "asks_together", False)
    assert found(days.run(0, 1, full_refresh=True)) == found(report)


@pytest.mark.long
def test_a_table_of_many_rows_is_asked_about_alone(days, asked, monkeypatch):
    days.run(0, 1)
    asked.clear()
    monkeypatch.setattr(checking, "MANY_ROWS", 3)  # of the two, steps alone has as many
    days.run(0, 1, full_refresh=True)
    assert len(asked) == 2


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
