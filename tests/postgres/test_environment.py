"""What the environment says of other servers, or in another language, disturbs the embedded none."""

import os

import ibis
import pytest
from pydantic import SecretStr

from lakehouse import config, postgres
from lakehouse.addresses import Address
from lakehouse.compile.compiler import Statement
from lakehouse.engines import Load, Source
from lakehouse.plan.state import EVERYTHING
from lakehouse.postgres.embedded import Server

OF_CLIENTS = {
    "PGSERVICE": "of-another",
    "PGREQUIREAUTH": "gss",
    "PGLOADBALANCEHOSTS": "nonsense",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLROOTCERT": "system",
    "PGSSLMODE": "verify-full",
    "PGTZ": "nowhere",
    "PGDATESTYLE": "nonsense",
    "PGGEQO": "nonsense",
    "PGUSER": "another",
    "PGPASSFILE": "/nowhere",
}
ONE = ibis.schema({"x": "int32"})


@pytest.mark.long
def test_settings_for_clients_are_not_meant_for_it(tmp_path, monkeypatch, engine):
    for name, value in OF_CLIENTS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    load = Load(Source("one", ONE, view=Statement("SELECT 1 AS x", ONE)), EVERYTHING, ("s", "t"))
    with postgres.serving(config.load(tmp_path, {})) as address:
        with postgres.connected(address) as connection:
            connection.execute("create schema s")
        with postgres.undisturbed(address):
            engine.load_postgres(address, [load])
            engine.release()
        with postgres.connected(address) as connection:
            assert connection.execute("select x from s.t").fetchall() == [(1,)]


def test_settings_for_clients_are_kept_for_other_servers(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "of-another")
    with postgres.undisturbed(Address("host/db", SecretStr("postgresql://host/db"))):
        assert os.environ["PGPASSWORD"] == "of-another"


@pytest.mark.long
@pytest.mark.parametrize(
    "language",
    [{"LC_CTYPE": "UTF-8"}, {"LC_ALL": "xx_YY"}, {"LANG": "UTF-8"}, {"LC_COLLATE": "tr_TR"}],
    ids=str,
)
def test_it_is_set_up_in_any_language(tmp_path, monkeypatch, language):
    for name, value in language.items():
        monkeypatch.setenv(name, value)
    server = Server(tmp_path / "data", tmp_path / "locks")
    with server.serving():
        assert server.is_set_up
