"""Publication: Postgres has one commit's marts, and what others built on them stays."""

import psycopg
import pytest
from toy import Toy, at, event

from lakehouse.errors import PublishError
from lakehouse.publish.publication import publish


def execute(address, sql):
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else None


@pytest.fixture
def published(toy, source):
    source.rows = [event("a", 1, at(0)), event("b", 2, at(1))]
    toy.run(0, 1)
    return toy


@pytest.mark.long
def test_the_publication_names_commit_and_run(published):
    head = published.session.catalog.head()
    rows = execute(published.postgres, "select commit, run from marts.publication")
    assert rows == [(head.id, head.run_id)]


@pytest.mark.long
def test_nothing_is_left_in_staging(published):
    sql = "select count(*) from information_schema.tables where table_schema = 'lakehouse_staging'"
    assert execute(published.postgres, sql) == [(0,)]


@pytest.mark.long
def test_only_changed_windows_are_moved(published, source):
    source.rows.append(event("c", 5, at(4)))
    report = published.run(4)
    assert report.published["daily"] == 1
    assert [row["total"] for row in published.published("daily")] == [1, 2, 5]


@pytest.mark.long
def test_a_view_on_a_mart_stays(published, source):
    execute(published.postgres, "create view public.mine as select total from marts.total")
    source.rows.append(event("c", 5, at(1)))
    published.run(1)
    assert execute(published.postgres, "select total from public.mine") == [(8,)]


@pytest.mark.long
def test_a_changed_column_that_a_view_needs_is_a_clear_error(published):
    execute(published.postgres, "create view public.mine as select total from marts.total")
    published.change(wide=True)
    with pytest.raises(PublishError, match="view mine"):
        published.run(0)
    assert execute(published.postgres, "select total from marts.total") == [(3,)]


@pytest.mark.long
def test_a_changed_column_that_nobody_needs_just_changes(published):
    published.change(wide=True)
    published.run(0)
    assert execute(published.postgres, "select total from marts.total") == [(3.0,)]


def test_a_failed_publication_is_made_up_by_the_next_run(published):
    execute(published.postgres, "create view public.mine as select total from marts.total")
    published.change(wide=True)
    with pytest.raises(PublishError):
        published.run(0)
    execute(published.postgres, "drop view public.mine")
    report = published.run(0)
    assert (report.commit, report.published["total"]) == (None, 1)


@pytest.mark.long
def test_an_older_commit_does_not_replace_a_newer_one(published, source, engine):
    catalog, compiled = published.session.catalog, published.session.compiled
    old = catalog.head()
    tables = catalog.tables(old.id)
    source.rows.append(event("c", 5, at(1)))
    published.run(1)
    known = {commit.id for commit in catalog.log()}.__contains__
    assert publish(engine, compiled, old, tables, published.address, known).rows == {}
    assert execute(published.postgres, "select total from marts.total") == [(8,)]


def test_readers_never_see_marts_of_two_commits(published, source):
    """A reader's transaction that began before a publication sees none of it."""
    with psycopg.connect(published.postgres) as reader:
        reader.execute("set transaction isolation level repeatable read")
        before = reader.execute("select total from marts.total").fetchall()
        source.rows.append(event("c", 5, at(1)))
        published.run(1)
        assert reader.execute("select total from marts.total").fetchall() == before
        assert reader.execute("select sum(total) from marts.daily").fetchall() == [(3,)]


@pytest.mark.long
def test_a_user_without_rights_is_told_so(published, source):
    execute(published.postgres, "create role reader login password 'of-reader'")
    owner = published.postgres
    published.environment["LAKEHOUSE_POSTGRES_URL"] = owner.replace(
        "://postgres@", "://reader:of-reader@"
    )
    source.rows.append(event("c", 5, at(1)))
    try:
        with pytest.raises(PublishError, match="permission denied"):
            published.run(1)
    finally:
        execute(owner, "drop role reader")


@pytest.mark.long
def test_what_another_home_published_is_replaced(published, source, tmp_path, engine):
    (tmp_path / "new").mkdir()
    other = Toy(tmp_path / "new", published.postgres, source, engine)
    source.rows = [event("z", 9, at(0))]
    other.run(0)
    assert other.published("total") == [{"rows": 1, "total": 9}]
    assert [row["total"] for row in other.published("daily")] == [9]


def test_an_address_without_a_server_is_named_without_its_password(toy, source):
    toy.environment["LAKEHOUSE_POSTGRES_URL"] = "postgresql://someone:hunter2@127.0.0.1:1/db"
    source.rows = [event("a", 1, at(0))]
    with pytest.raises(PublishError, match=r"127\.0\.0\.1:1/db does not answer") as caught:
        toy.run(0)
    assert "hunter2" not in str(caught.value)
