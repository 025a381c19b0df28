"""Trino's driver is told of a Postgres what libpq would make of the same address."""

import pytest

from lakehouse.addresses.postgres import postgres_address
from lakehouse.engines import trino_postgres

REST = "connectTimeout=10&tcpKeepAlive=true"
URLS = {
    "postgresql://anna:secret@pg.example.org/marts": f"pg.example.org:5432/marts?{REST}",
    "postgresql://anna@[::1]:5433/marts": f"[::1]:5433/marts?{REST}",
    "postgresql://anna@one:1,two:2/marts?target_session_attrs=read-write": (
        f"one:1,two:2/marts?{REST}&targetServerType=primary"
    ),
    "host=one,two port=5433 user=anna": f"one:5433,two:5433/anna?{REST}",
    "postgresql://anna@pg/marts?sslmode=verify-full&sslrootcert=/etc/our%20ca.pem": (
        f"pg:5432/marts?{REST}&sslmode=verify-full&sslrootcert=%2Fetc%2Four%20ca.pem"
    ),
    "postgresql://anna@pg/marts?sslrootcert=system": (
        f"pg:5432/marts?{REST}&sslmode=verify-full"
        "&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory"
    ),
    "postgresql://anna@pg/marts?connect_timeout=3": (
        "pg:5432/marts?connectTimeout=3&tcpKeepAlive=true"
    ),
}


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """An environment that says nothing of Postgres."""
    for name in trino_postgres._VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def told(text):
    return trino_postgres.properties(postgres_address(text, "a test"), "${a secret}")


@pytest.mark.parametrize(("address", "url"), URLS.items())
def test_an_address_means_the_same_to_trino(address, url):
    assert told(address)["connection-url"] == f"jdbc:postgresql://{url}"


def test_what_an_address_leaves_out_comes_from_our_environment(monkeypatch):
    monkeypatch.setenv("PGHOST", "pg")
    monkeypatch.setenv("PGUSER", "anna")
    monkeypatch.setenv("PGSSLMODE", "require")
    found = told("dbname=marts")
    assert found["connection-url"] == f"jdbc:postgresql://pg:5432/marts?{REST}&sslmode=require"
    assert found["connection-user"] == "anna"


def test_no_password_is_sent_wherever_it_is(monkeypatch, tmp_path):
    assert "connection-password" not in told("postgresql://anna@pg/marts")
    variable = "${a secret}"
    assert told("postgresql://anna:secret@pg/marts")["connection-password"] == variable
    (tmp_path / ".pgpass").write_text("")
    assert told("postgresql://anna@pg/marts")["connection-password"] == variable
    (tmp_path / ".pgpass").unlink()
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert told("postgresql://anna@pg/marts")["connection-password"] == variable
