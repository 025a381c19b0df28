"""Connections: values look the same, whatever a server or an environment says of their form."""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from toy import query

from lakehouse.addresses import Address
from lakehouse.postgres import connected

MOMENT = "timestamptz '2024-03-15 10:00+00'"
ASKED = f"select date '2024-02-03' as d, {MOMENT} as t, interval '1 day 2 hours' as i, 0.1::float8 + 0.2::float8 as f, 'ß' as s"
SAME = {
    "d": date(2024, 2, 3),
    "t": datetime(2024, 3, 15, 10, tzinfo=UTC),
    "i": timedelta(days=1, hours=2),
    "f": 0.1 + 0.2,
    "s": "ß",
}
FORMS = {
    "datestyle": "German",
    "intervalstyle": "sql_standard",
    "timezone": "Asia/Kathmandu",
    "extra_float_digits": "-10",
    "client_encoding": "LATIN1",
}
FOR_A_SERVER = {"host", "port", "user", "dbname", "passfile", "service"}
"""What the address of the embedded server says for each server, and what libpq looks up."""
HARMLESS = {"application_name", "sslcompression", "sslsni", "krbsrvname", "gsslib", "gssdelegation"}
"""Of servers that are called through a network, and a name that is shown."""


@pytest.fixture
def role(database):
    """The address of the database for a role with other forms of values."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create role formed superuser login password 'formed'")
        for name, form in FORMS.items():
            connection.execute(f"alter role formed set {name} to '{form}'")
        yield database.replace("://postgres@", "://formed:formed@")
        connection.execute("drop role formed")


def test_a_role_cannot_say_otherwise(role):
    (row,) = query(role, ASKED)
    assert (row, row["t"].tzinfo.utcoffset(None)) == (SAME, timedelta())


def test_an_environment_cannot_say_otherwise(database, monkeypatch):
    for name in ("datestyle", "clientencoding"):
        monkeypatch.setenv(f"PG{name.upper()}", FORMS[name.replace("clienten", "client_en")])
    monkeypatch.setenv("PGTZ", "Asia/Kathmandu")
    (row,) = query(database, ASKED)
    assert (row, row["t"].tzinfo.utcoffset(None)) == (SAME, timedelta())


def test_the_embedded_server_s_address_leaves_nothing_to_the_environment(postgres_server):
    """A new version of libpq may ask for more."""
    given = conninfo_to_dict(f"{postgres_server}&password=")
    asked = {o.keyword.decode() for o in psycopg.pq.Conninfo.get_defaults() if o.envvar}
    assert asked - given.keys() - HARMLESS - FOR_A_SERVER == set()


def interrupted_where_a_connection_breaks(address):
    with (
        psycopg.connect(address, autocommit=True) as other,
        connected(Address(address, SecretStr(address))) as connection,
    ):
        other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
        raise KeyboardInterrupt


def test_a_connection_that_broke_is_told_by_the_error_alone(database, caplog):
    with pytest.raises(KeyboardInterrupt):
        interrupted_where_a_connection_breaks(database)
    assert caplog.messages == []
