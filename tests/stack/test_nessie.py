"""Nessie behaves as every catalog does, and as only a server can."""

from datetime import timedelta

import pytest
from commits import commits, merge
from every_catalog import *  # noqa: F403 - the behaviour of every catalog
from toy import SCHEMA

from lakehouse.catalogs import TableChange
from lakehouse.catalogs.nessie import NessieCatalog
from lakehouse.errors import UnknownNameError


@pytest.fixture
def catalog(settings):
    return NessieCatalog(settings.servers)


@pytest.fixture
def folder(settings):
    return settings.warehouse


def test_the_log_has_message_author_and_run(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    merged = catalog.merge("one", run_id="run-1", message="a day")
    (commit,) = catalog.log()
    assert (commit.message, commit.run_id, bool(commit.author)) == ("a day", "run-1", True)
    assert commit == merged


def test_a_commit_is_found_by_the_start_of_its_hash(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    commit = catalog.merge("one", run_id="run-1", message="a day")
    assert set(catalog.tables(commit.id[:12])) == {"raw.a"}


def test_the_numbers_of_commits_grow(catalog, write):
    for branch in ("one", "two"):
        catalog.create_branch(branch)
        write(branch, f"raw.{branch}", 1)
        catalog.merge(branch, run_id=branch, message="a day")
    newest, oldest = catalog.log()
    assert newest.sequence > oldest.sequence


def test_a_table_of_other_columns_is_rolled_back_and_written_on(catalog, write):
    catalog.create_branch("one")
    write("one", "raw.a", 1)
    first = merge(catalog, "one")
    catalog.create_branch("two")
    files = catalog.files("two", "raw.a", "at")
    state = catalog.tables("two")["raw.a"].state
    catalog.write("two", TableChange("raw.a", SCHEMA.remove(1), files, [], state))
    merge(catalog, "two")
    catalog.rollback(first.id, run_id="back", message="")
    catalog.create_branch("three")
    write("three", "raw.a", 2, 3)
    merge(catalog, "three")
    assert catalog.tables("main")["raw.a"].rows == 3


def test_a_commit_that_has_expired_is_not_gone_back_to(catalog, write, settings):
    first, second, third = commits(catalog, write, "raw.a", "raw.a", "raw.a")
    catalog.tag("good", second.id)
    catalog.expire(third.committed_at + timedelta(days=1))
    commits(catalog, write, "raw.b")
    again = NessieCatalog(settings.servers)
    assert [commit.readable for commit in again.log()] == [True, True, True, False]
    with pytest.raises(UnknownNameError, match="expired"):
        again.tables(first.id[:12])
    with pytest.raises(UnknownNameError, match=rf"expired.*The oldest that can is {second.id}"):
        again.rollback(first.id, run_id="back", message="")
    for commit in (second, third):
        again.rollback(commit.id, run_id=f"to-{commit.id}", message="")
        assert again.places("main") == again.places(commit.id)


def test_what_has_expired_stays_so_if_more_is_kept_later(catalog, write):
    first, second, third = commits(catalog, write, "raw.a", "raw.a", "raw.a")
    catalog.expire(second.committed_at)
    catalog.tag("late", second.id)
    catalog.expire(first.committed_at - timedelta(days=9))
    assert {commit.id: commit.readable for commit in catalog.log()} == {
        first.id: False,
        second.id: True,
        third.id: True,
    }
    catalog.expire(third.committed_at)
    assert [commit.readable for commit in catalog.log()] == [True, True, False]
