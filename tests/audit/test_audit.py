"""What of a table a run's checks look at."""

from types import ModuleType

import pytest
from toy import at, event, into, modules

from lakehouse import UniqueCheck, quality


@pytest.fixture
def checked(toy, source):
    """The toy project with one more check; gives the rows that a run finds offending."""

    def declare(table, checks=(), function=lambda steps: steps.filter(steps.value > 100), **reach):
        module = ModuleType("toy.more_checks")
        function.__name__ = "more"
        wrapped = quality(table=table, checks=checks, blocking=False, **reach)
        wrapped(into(module)(function))
        toy.declare((*modules(source), module))

        def run(first, last=None):
            report = toy.run(first, last)
            return sum(each.failures for each in report.checks if each.check == "more")

        return run

    return declare


@pytest.fixture
def two_large_values(source):
    source.rows = [event("a", 200, at(0)), event("b", 1, at(20)), event("c", 300, at(40))]


@pytest.mark.long
def test_a_custom_check_sees_all_of_a_table(checked, source, two_large_values):
    run = checked("silver.steps")
    assert run(0, 40) == 2
    source.rows.append(event("d", 400, at(60)))
    assert run(60) == 3


@pytest.mark.long
def test_with_a_lookback_it_sees_what_the_run_changed(checked, source, two_large_values):
    run = checked("silver.steps", lookback="0d")
    assert run(0, 40) == 2
    source.rows.append(event("d", 400, at(60)))
    assert run(60) == 1


@pytest.mark.long
def test_a_lookback_reaches_before_the_windows_but_counts_only_in_them(checked, source):
    def first_of_its_day(steps):
        day = steps["at"].date()
        earlier = steps.view()
        return steps.anti_join(earlier, [steps.id > earlier.id, day >= earlier["at"].date()])

    source.rows = [event("a", 1, at(0)), event("b", 1, at(20))]
    run = checked("silver.steps", function=first_of_its_day, lookback="30d")
    run(0, 20)
    source.rows.append(event("c", 1, at(40)))
    assert run(40) == 0


@pytest.mark.long
def test_ready_checks_of_a_view_look_at_what_changed_below_it(checked, source):
    def nothing(): ...

    source.rows = [event("a", 5, at(0)), event("b", 5, at(0))]
    run = checked("silver.valid", [UniqueCheck(["value"])], nothing)
    assert run(0) == 1
    source.rows.append(event("c", 7, at(20)))
    assert run(20) == 0
