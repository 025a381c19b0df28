"""Several statements for Trino are one piece of work, which an interruption ends."""

import pytest

from lakehouse.engines.trino_client import Client
from lakehouse.errors import QueryError


@pytest.fixture
def client():
    """A client of a server that is not there: what it runs fails for that reason, and no other."""
    return Client("http://127.0.0.1:1")


def test_after_an_interruption_no_statement_of_the_work_begins(client):
    work = client.begin()
    client.interrupt()
    with pytest.raises(QueryError, match="interrupted"):
        work.run("SELECT 1")


def test_work_that_begins_after_an_interruption_runs(client):
    client.interrupt()
    with pytest.raises(QueryError, match="does not answer"):
        client.begin().run("SELECT 1")


def test_a_statement_alone_runs_after_an_interruption(client):
    client.interrupt()
    with pytest.raises(QueryError, match="does not answer"):
        client.run("SELECT 1")
