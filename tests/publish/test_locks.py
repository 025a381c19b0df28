"""A lock that somebody holds is waited for, for a while; then it is said who holds it."""

from contextlib import contextmanager

import psycopg
import pytest
from toy import at, event, query

from lakehouse import postgres
from lakehouse.addresses.postgres import postgres_address
from lakehouse.errors import PublishError, QueryError
from lakehouse.publish import publication
from lakehouse.publish.publication_table import LOCK

HOLDS = {
    "a table": "lock table marts.total in access exclusive mode",
    "rows": "update marts.total set total = total",
    "rows to look at": "select * from marts.total for update",
    "the table of publications": "lock table marts.publication in access exclusive mode",
    "the lock of publications": f"select pg_advisory_xact_lock({LOCK})",
}


@contextmanager
def holding(address, statement):
    """Hold a lock as somebody does who forgot a window with a transaction; yield the process."""
    with psycopg.connect(address, application_name="window-of-anna") as other:
        other.execute(statement)
        yield other.info.backend_pid
        other.rollback()


@pytest.fixture
def toy(toy, source):
    """A toy that has published, on a Postgres that itself lets nobody wait for a minute."""
    source.rows = [event("a", 1, at(0))]
    toy.run(0)
    name = psycopg.conninfo.conninfo_to_dict(toy.postgres)["dbname"]
    with psycopg.connect(toy.postgres, autocommit=True) as connection:
        connection.execute(f'alter database "{name}" set lock_timeout = 200')
    yield toy
    with psycopg.connect(toy.postgres, autocommit=True) as connection:
        connection.execute(f'alter database "{name}" reset lock_timeout')


@pytest.mark.long
def test_who_holds_a_lock_is_named_and_the_next_run_publishes(toy, source):
    total = 1
    for what, statement in HOLDS.items():
        source.rows.append(event(what, 1, at(0)))
        total += 1
        with holding(toy.postgres, statement) as process:
            with pytest.raises(PublishError, match=f"process {process} ") as told:
                toy.run(0)
            assert told.value.exit_code == 2
            assert "program window-of-anna, idle in transaction, since " in told.value.message
        assert toy.run(0).published["total"] == 1
        assert toy.published("total") == [{"rows": total, "total": total}]


@pytest.mark.long
def test_a_query_does_not_wait_for_ever_either(toy):
    with (
        holding(toy.postgres, HOLDS["a table"]),
        pytest.raises(QueryError, match="lock timeout"),
    ):
        query(toy.postgres, "select * from marts.total")


def test_a_minute_is_the_limit_where_nobody_sets_one(database):
    with postgres.connected(postgres_address(database, "a test")) as connection:
        publication.begin(connection)
        assert connection.execute("show lock_timeout").fetchone() == ("1min",)
