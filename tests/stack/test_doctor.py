"""Doctor finds what Trino itself cannot reach, and touches nothing that stays."""

import psycopg
import pytest

from lakehouse.doctor import examination

THROUGH = ["trino to nessie", "trino to s3", "trino to postgres"]


def found(toy):
    with toy.session as session:
        return {each.what: each for each in examination.examine(session)}


def test_trino_reads_and_writes_what_runs_need(on_trino):
    looked_at = found(on_trino)
    assert [each.detail for each in looked_at.values() if not each.healthy] == []
    assert [name for name in looked_at if name.startswith("trino to")] == THROUGH
    assert on_trino.session.catalog.branches() == []
    assert "(tested: " in looked_at["trino"].detail


@pytest.fixture
def another_role(lake):
    """The address of a Postgres by a role whose password Trino does not have."""
    server = lake["LAKEHOUSE_POSTGRES_URL"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS publisher")
        connection.execute("CREATE ROLE publisher SUPERUSER LOGIN PASSWORD 'of-publisher'")
    user = server.partition("//")[2].partition("@")[0]
    return server.replace(user, "publisher:of-publisher")


def test_a_password_that_trino_does_not_have_is_found(on_trino, another_role):
    on_trino.environment["LAKEHOUSE_POSTGRES_URL"] = another_role
    (bad,) = [each for each in found(on_trino).values() if not each.healthy]
    assert bad.what == "trino to postgres"
    assert "cannot reach Postgres at 127.0.0.1" in bad.detail
    assert "\n" not in bad.detail
    assert "of-publisher" not in bad.detail
    assert "in its own environment" in bad.cure
