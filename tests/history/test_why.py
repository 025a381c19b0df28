"""Where a row comes from: its run, code, parents and checks."""

import pytest
from toy import at, event

from lakehouse.errors import UnknownNameError
from lakehouse.history.why import why


def five_days(toy):
    """The toy project with a run for each of five days; the reports of these."""
    toy.source.rows = [event(f"e{day}", day + 1, at(day)) for day in range(5)]
    return toy, [toy.run(day) for day in range(5)]


@pytest.fixture(scope="module")
def days(lasting_toy):
    """The same for all tests, which only ask."""
    return five_days(lasting_toy)


def test_the_run_that_last_built_a_row_is_named_and_its_commit(days):
    toy, reports = days
    found = why(toy.session, "marts.daily", {"day": "2024-03-04"})
    assert found.rows == [{"day": at(3).date(), "rows": 1, "total": 4}]
    assert (found.run, found.commit.id) == (reports[3].run_id, reports[3].commit)


@pytest.mark.long
def test_a_corrected_row_is_of_the_run_that_corrected_it(toy, source):
    five_days(toy)
    source.rows[1] = event("e1", 70, at(1))
    corrected = toy.run(1)
    assert why(toy.session, "daily", {"day": "2024-03-02"}).run == corrected.run_id
    assert why(toy.session, "daily", {"day": "2024-03-05"}).run != corrected.run_id


def test_a_raw_row_says_itself_which_run_wrote_it(days):
    toy, reports = days
    found = why(toy.session, "raw.events", {"id": "e2"})
    assert (found.run, found.fingerprint, found.origins) == (reports[2].run_id, None, [])


def test_the_rows_it_was_made_of_are_counted_down_to_raw_by_run(days):
    toy, reports = days
    found = why(toy.session, "daily", {"day": "2024-03-03"})
    steps, raw = found.origins
    assert (steps.table, steps.rows) == ("silver.steps", 1)
    assert raw.table == "raw.events"
    assert raw.runs == {reports[1].run_id: 1, reports[2].run_id: 1}


def test_a_table_that_is_rebuilt_is_made_of_everything(days):
    toy, reports = days
    found = why(toy.session, "total", {"rows": "5"})
    assert found.run == reports[4].run_id
    assert [(each.table, each.rows, each.reach) for each in found.origins] == [
        ("silver.steps", 5, "all"),
        ("raw.events", 5, "all"),
    ]


def test_the_checks_of_that_run_come_along(days):
    toy, reports = days
    found = why(toy.session, "silver.steps", {"id": "e4"})
    assert found.run == reports[4].run_id
    ((label, passed),) = [(check["label"], check["passed"]) for check in found.checks]
    assert (label, passed) == ("range: value ≤ 500", True)


@pytest.mark.long
def test_the_code_is_what_the_rows_were_built_from(toy):
    five_days(toy)
    before = why(toy.session, "silver.steps", {"id": "e1"})
    toy.change(factor=2)
    assert why(toy.session, "silver.steps", {"id": "e1"}).fingerprint == before.fingerprint
    toy.run(4)
    after = why(toy.session, "silver.steps", {"id": "e1"})
    assert after.fingerprint != before.fingerprint
    assert ("* 2" in before.sql, "* 2" in after.sql) == (False, True)


def test_a_view_has_no_run_but_parents(days):
    toy, reports = days
    found = why(toy.session, "valid", {"id": "e1"})
    assert found.run is None
    assert [each.runs for each in found.origins] == [{reports[1].run_id: 1}]


def test_an_older_state_can_be_asked(days):
    toy, reports = days
    found = why(toy.session, "total", {"rows": "2"}, reports[1].commit)
    assert found.run == reports[1].run_id


@pytest.mark.parametrize(
    ("table", "conditions", "said"),
    [
        ("nothing", {"day": "2024-03-01"}, "no table 'nothing'"),
        ("daily", {"date": "2024-03-01"}, "no column 'date'"),
        ("daily", {"day": "2020-01-01"}, "no such row"),
        ("raw.events", {"id": "' or '1'='1"}, "no such row"),
    ],
)
def test_what_does_not_exist_is_one_clear_error(days, table, conditions, said):
    toy, _ = days
    with pytest.raises(UnknownNameError, match=said):
        why(toy.session, table, conditions)
