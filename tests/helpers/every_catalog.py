"""Branches, merges and the log: tests of any catalog, for modules that have it as a fixture."""

from datetime import timedelta

import pytest
from commits import commits, merge
from toy import MARCH, SCHEMA

from lakehouse.catalogs import TableChange
from lakehouse.errors import MergeConflictError, StorageError, UnknownNameError
from lakehouse.windows import Window


def test_main_does_not_see_a_branch(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    assert catalog.tables("main") == {}
    assert catalog.tables("one")["raw.a"].rows == 1


def test_a_merge_moves_every_changed_table_at_once(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    write("one", "raw.b", 1, 2)
    commit = merge(catalog, "one")
    assert {name: table.rows for name, table in catalog.tables("main").items()} == {
        "raw.a": 1,
        "raw.b": 2,
    }
    assert commit.tables == ("raw.a", "raw.b")


def test_a_merge_drops_the_branch(catalog, write):
    catalog.create_branch("run-one")
    write("run-one", "raw.a", 1)
    assert [branch.name for branch in catalog.branches()] == ["run-one"]
    merge(catalog, "run-one")
    assert catalog.branches() == []


def test_two_branches_that_touch_different_tables_both_merge(catalog, write):
    for branch, table in (("one", "raw.a"), ("two", "raw.b")):
        catalog.create_branch(branch)
        write(branch, table, 1)
    merge(catalog, "one")
    merge(catalog, "two")
    assert set(catalog.tables("main")) == {"raw.a", "raw.b"}


def test_the_second_of_two_branches_that_touch_one_table_conflicts(catalog, write):
    for branch in ("one", "two"):
        catalog.create_branch(branch)
        write(branch, "raw.a", 1)
        write(branch, f"raw.{branch}", 1)
    merge(catalog, "one")
    with pytest.raises(MergeConflictError, match=r"raw\.a"):
        merge(catalog, "two")
    assert set(catalog.tables("main")) == {"raw.a", "raw.one"}


def test_the_log_is_newest_first(catalog, write):
    for branch in ("one", "two"):
        catalog.create_branch(branch)
        write(branch, f"raw.{branch}", 1)
        merge(catalog, branch)
    assert [commit.run_id for commit in catalog.log()] == ["two", "one"]


def test_a_commit_stays_readable(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    first = merge(catalog, "one")
    catalog.create_branch("two")
    write("two", "raw.a", 2)
    merge(catalog, "two")
    assert catalog.tables(first.id)["raw.a"].rows == 1
    assert catalog.tables("main")["raw.a"].rows == 2


def test_a_dropped_branch_leaves_main(catalog, write):
    catalog.create_branch("run-one")
    write("run-one", "raw.a", 1)
    catalog.drop_branch("run-one")
    assert catalog.tables("main") == {}
    assert catalog.branches() == []


def test_files_tell_the_time_of_their_rows(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    inside = Window(MARCH, MARCH.replace(day=2))
    outside = Window(MARCH.replace(day=2), MARCH.replace(day=3))
    (file,) = catalog.files("one", "raw.a", "at")
    assert (file.may_hold([inside]), file.may_hold([outside])) == (True, False)


def test_added_files_leave_the_others(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    write("one", "raw.a", 2, 3)
    assert catalog.tables("one")["raw.a"].rows == 3
    assert len(catalog.files("one", "raw.a", "at")) == 2


def test_a_removed_file_leaves_the_others(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    (first,) = catalog.files("one", "raw.a", "at")
    write("one", "raw.a", 2, 3)
    write("one", "raw.a", 4, remove=[first])
    assert catalog.tables("one")["raw.a"].rows == 3


def test_other_columns_never_cost_rows(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    state = catalog.tables("one")["raw.a"].state
    with pytest.raises(StorageError, match="rows would be lost"):
        catalog.write("one", TableChange("raw.a", SCHEMA.remove(1), [], [], state))
    assert catalog.tables("one")["raw.a"].rows == 1


def test_removed_files_are_gone_in_the_same_commit(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1, 2, 3)
    write("one", "raw.a", 4, remove=catalog.files("one", "raw.a", "at"))
    assert catalog.tables("one")["raw.a"].rows == 1


def test_the_state_lives_with_the_table(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    write("one", "raw.a", 2)
    versions = [c.version for c in catalog.tables("one")["raw.a"].state.changes]
    assert versions == ["one-(1,)", "one-(2,)"]


@pytest.mark.parametrize("ref", ["nothing", "", "a'b"])
def test_an_unknown_ref_is_one_clear_error(catalog, ref):
    with pytest.raises(UnknownNameError, match="neither main, a branch, a tag nor a commit"):
        catalog.tables(ref)


def test_a_tag_names_a_commit_wherever_a_ref_is_taken(catalog, write):
    first, _ = commits(catalog, write, "raw.a", "raw.b")
    catalog.tag("before-b", first.id[:6])
    assert catalog.tags() == {"before-b": first.id}
    assert set(catalog.tables("before-b")) == {"raw.a"}
    assert catalog.commit("before-b") == first


def test_a_tag_is_of_main_unless_it_says_otherwise(catalog, write):
    _, second = commits(catalog, write, "raw.a", "raw.b")
    assert catalog.tag("now", "main") == second


def test_a_tag_is_not_moved(catalog, write):
    first, second = commits(catalog, write, "raw.a", "raw.b")
    catalog.tag("good", first.id)
    catalog.tag("good", first.id)
    with pytest.raises(UnknownNameError, match=f"names the commit {first.id} already"):
        catalog.tag("good", second.id)


def test_a_dropped_tag_leaves_its_commit(catalog, write):
    (first,) = commits(catalog, write, "raw.a")
    catalog.tag("good", first.id)
    catalog.drop_tag("good")
    assert (catalog.tags(), catalog.commit(first.id)) == ({}, first)
    with pytest.raises(UnknownNameError, match="no tag 'good'"):
        catalog.drop_tag("good")


@pytest.mark.parametrize("name", ["main", "", "a..b", "a b", "-a", "run-x"])
def test_a_name_that_means_something_else_is_no_tag(catalog, write, name):
    commits(catalog, write, "raw.a")
    catalog.create_branch("run-x")
    with pytest.raises(UnknownNameError):
        catalog.tag(name, "main")


def test_the_beginning_of_a_commit_is_no_tag(catalog, write):
    (first,) = commits(catalog, write, "raw.a")
    with pytest.raises(UnknownNameError, match="how a commit's id begins"):
        catalog.tag(first.id[:5], "main")


def test_a_branch_is_no_commit(catalog, write):
    commits(catalog, write, "raw.a")
    catalog.create_branch("run-x")
    with pytest.raises(UnknownNameError, match="is a branch, and no commit"):
        catalog.commit("run-x")


def test_main_is_known_as_it_was_at_a_moment(catalog, write):
    first, second = commits(catalog, write, "raw.a", "raw.b")
    assert catalog.at(first.committed_at) == first
    assert catalog.at(second.committed_at - timedelta(microseconds=1)) == first
    assert catalog.at(second.committed_at + timedelta(days=1)) == second
    with pytest.raises(UnknownNameError, match="no commit yet at"):
        catalog.at(first.committed_at - timedelta(microseconds=1))


def test_a_rollback_is_a_new_commit_with_the_tables_of_an_old_one(catalog, write):
    first, _, third = commits(catalog, write, "raw.a", "raw.b", "raw.a")
    back = catalog.rollback(first.id, run_id="back", message="undo")
    assert catalog.places("main") == catalog.places(back.id) == catalog.places(first.id)
    assert (back.sequence, back.run_id, back.tables) == (4, "back", ("raw.a", "raw.b"))
    assert set(catalog.tables(third.id)) == {"raw.a", "raw.b"}


def test_a_rollback_can_be_rolled_back(catalog, write):
    first, second = commits(catalog, write, "raw.a", "raw.b")
    catalog.rollback(first.id, run_id="back", message="")
    catalog.rollback(second.id, run_id="forth", message="")
    assert catalog.places("main") == catalog.places(second.id)


def test_a_rollback_to_what_main_has_writes_nothing(catalog, write):
    _, second = commits(catalog, write, "raw.a", "raw.b")
    assert catalog.rollback("main", run_id="back", message="") == second
    assert catalog.head() == second


def test_a_branch_made_before_a_rollback_conflicts_in_the_tables_that_it_moved(catalog, write):
    first, _ = commits(catalog, write, "raw.a", "raw.a")
    for branch, table in (("late", "raw.a"), ("other", "raw.b")):
        catalog.create_branch(branch)
        write(branch, table, 9)
    catalog.rollback(first.id, run_id="back", message="")
    merge(catalog, "other")
    with pytest.raises(MergeConflictError, match=r"raw\.a"):
        merge(catalog, "late")


def test_a_table_that_vanished_can_be_made_again(catalog, write):
    first, _ = commits(catalog, write, "raw.a", "raw.b")
    catalog.rollback(first.id, run_id="back", message="")
    catalog.create_branch("again")
    write("again", "raw.b", 5, 6)
    merge(catalog, "again")
    assert catalog.tables("main")["raw.b"].rows == 2
