"""The difference between two states: which tables, and which rows of them."""

from pathlib import Path

import pytest
from toy import at, event

from lakehouse.errors import UnknownNameError
from lakehouse.history.diff import diff, diff_table
from lakehouse.history.diff.rows import compare


@pytest.fixture
def rows(engine):
    """Compares rows written as SQL values of the columns k, v, w."""

    def compared(before, after, key=("k",), columns="k, v, w"):
        left, right = (f"(VALUES {values}) AS t({columns})" for values in (before, after))
        return compare(engine.connection, left, right, key=key, detail=True)

    return compared


def test_rows_are_told_apart_by_their_key(rows):
    found = rows("(1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')", "(2, 2, 'b'), (3, 4, 'c'), (4, 4, 'd')")
    assert (found.added, found.removed, found.changed) == (1, 1, 1)
    assert found.examples == {
        "added": [(None, {"k": 4, "v": 4, "w": "d"})],
        "changed": [({"k": 3, "v": 3, "w": "c"}, {"k": 3, "v": 4, "w": "c"})],
        "removed": [({"k": 1, "v": 1, "w": "a"}, None)],
    }


def test_the_same_rows_are_no_difference(rows):
    assert not rows("(1, 1, 'a'), (2, NULL, 'b')", "(2, NULL, 'b'), (1, 1, 'a')")


def test_null_is_a_value(rows):
    found = rows("(1, NULL, 'a'), (NULL, 1, 'b')", "(1, 0, 'a'), (NULL, 1, 'c')")
    assert (found.added, found.removed, found.changed) == (0, 0, 2)


def test_floats_that_differ_by_rounding_are_the_same(rows):
    assert not rows("(1, 0.1::DOUBLE + 0.2::DOUBLE, '')", "(1, 0.3::DOUBLE, '')")
    assert rows("(1, 0.3::DOUBLE, '')", "(1, 0.30001::DOUBLE, '')").changed == 1
    assert rows("(1, 0.3::DOUBLE, '')", "(1, NULL::DOUBLE, '')").changed == 1


def test_columns_tell_what_they_were_and_are_among_the_rows_that_differ(rows):
    found = rows("(1, 1, 'a'), (2, 2, 'b'), (3, 90, 'c')", "(1, 3, 'a'), (2, 5, 'x'), (3, 90, 'c')")
    value, word = found.columns
    assert (value.column, value.differs, value.smallest, value.largest, value.mean) == (
        "v",
        2,
        (1, 3),
        (2, 5),
        (1.5, 4.0),
    )
    assert (word.column, word.differs, word.mean) == ("w", 1, (None, None))


def test_without_a_key_rows_are_compared_as_wholes_and_counted(rows):
    found = rows("(1, 1, 'a'), (1, 1, 'a')", "(1, 1, 'a'), (1, 2, 'a')", key=())
    assert (found.key, found.added, found.removed, found.changed) == ((), 1, 1, 0)


def test_a_key_that_is_not_unique_is_none(rows):
    found = rows("(1, 1, 'a'), (1, 2, 'a')", "(1, 1, 'a')")
    assert (found.key, found.removed) == ((), 1)


def test_columns_that_came_or_went_are_told(engine):
    left, right = "(SELECT 1 AS k, 2 AS v, 3 AS gone)", "(SELECT 1 AS k, '2' AS v, 4 AS new)"
    found = compare(engine.connection, left, right, key=("k",), detail=False)
    assert found.schema == (
        "~ column v INTEGER → VARCHAR",
        "- column gone INTEGER",
        "+ column new INTEGER",
    )
    assert found.changed == 0


@pytest.fixture
def corrected(toy, source):
    """A home where one of many rows was corrected, and the commit before that."""
    source.rows = [event(f"e{day}", day, at(day)) for day in (0, 1, 2, 40)]
    toy.run(0, 40)
    before = toy.head()
    source.rows[1] = event("e1", 100, at(1))
    toy.run(1)
    return toy, before


@pytest.mark.long
def test_a_correction_shows_exactly_the_changed_row(corrected):
    toy, before = corrected
    found = diff_table(toy.session, before, "main", "raw.events")
    assert (found.rows.added, found.rows.removed, found.rows.changed) == (0, 0, 1)
    ((old, new),) = found.rows.examples["changed"]
    assert (old["id"], old["value"], new["value"]) == ("e1", 1, 100)


@pytest.mark.long
def test_the_tables_that_a_correction_changed_are_listed(corrected):
    toy, before = corrected
    found = {each.table: each for each in diff(toy.session, before, "main")}
    assert set(found) == {"raw.events", "silver.steps", "marts.daily", "marts.total"}
    daily = found["marts.daily"]
    assert (daily.what, daily.rows_before, daily.rows_after) == ("changed", 4, 4)
    assert (daily.rows.added, daily.rows.removed) == (1, 1)


@pytest.mark.long
def test_the_other_way_round_is_the_opposite(corrected):
    toy, before = corrected
    ((old, new),) = diff_table(toy.session, "main", before, "events").rows.examples["changed"]
    assert (old["value"], new["value"]) == (100, 1)


@pytest.mark.long
def test_only_files_that_differ_are_read(corrected):
    toy, before = corrected
    files = toy.engine.data_files(toy.session.catalog.tables("main")["raw.events"])
    (april,) = (Path(path) for path in files if "2024-04" in path)
    april.write_bytes(b"not to be read")
    assert diff_table(toy.session, before, "main", "raw.events").rows.changed == 1


@pytest.mark.long
def test_a_state_is_no_different_from_itself(corrected):
    toy, before = corrected
    assert diff(toy.session, before, before) == []
    assert diff_table(toy.session, "main", "main", "marts.total") is None


@pytest.mark.long
def test_rows_that_were_fetched_again_after_a_rollback_are_the_same(corrected):
    toy, before = corrected
    after = toy.head()
    toy.session.catalog.rollback(before, run_id="back", message="")
    toy.run(1)
    assert diff(toy.session, after, "main") == []


def test_a_new_table_is_added_and_a_rolled_back_one_removed(toy, source):
    source.rows = [event("a", 1, at(0))]
    toy.run(0, selected="+daily")
    before = toy.head()
    toy.run(0)
    (there,) = diff(toy.session, before, "main")
    assert (there.table, there.what, there.rows_after) == ("marts.total", "added", 1)
    (gone,) = diff(toy.session, "main", before)
    assert (gone.table, gone.what, gone.rows_before) == ("marts.total", "removed", 1)


@pytest.mark.long
def test_a_held_branch_differs_in_what_its_merge_would_move(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0, selected="events")
    held = f"run-{toy.run(1, selected='events', hold=True).run_id}"
    toy.run(0, selected="+daily")
    assert [each.table for each in diff(toy.session, "main", held)] == ["raw.events"]


@pytest.mark.long
def test_a_view_is_compared_too(corrected):
    toy, before = corrected
    found = diff_table(toy.session, before, "main", "silver.valid")
    assert (found.rows.added, found.rows.removed) == (1, 1)


@pytest.mark.long
def test_a_table_that_neither_side_has_is_one_clear_error(corrected):
    toy, before = corrected
    with pytest.raises(UnknownNameError, match="has a table 'nothing'"):
        diff_table(toy.session, before, "main", "nothing")
