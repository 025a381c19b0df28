"""A Postgres that asks for TLS and passwords, as companies have it: psycopg and DuckDB reach it."""

import socket
from dataclasses import replace

import authority
import psutil
import pytest
from encrypting import encrypting
from toy import Toy, at, event

import deploy.stack
from deploy import servers
from deploy.servers import Place
from deploy.settings import Ports
from lakehouse.addresses.postgres import postgres_address
from lakehouse.engines import trino_postgres
from lakehouse.errors import PublishError
from lakehouse.postgres import reading

SECRET = "se'cret of \\ nobody"
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """A server that asks for TLS and a password; its port, and its authority's file."""
    folder = tmp_path_factory.mktemp("secured")
    ours = authority.Authority(folder)
    place = Place(folder, folder, Ports(postgres=deploy.stack._free(0)), {"postgres": SECRET})
    server = servers.postgres(place)
    server = replace(server, is_ready=lambda: _listens(place.ports.postgres))
    process = deploy.stack._launch(folder, server)
    deploy.stack._wait(folder, server, process)
    certificate = ours.certificate("DNS:localhost,IP:127.0.0.1,IP:::1")
    with encrypting(certificate, place.ports.postgres) as port:
        yield port, ours.file
    process.terminate()
    psutil.wait_procs([process], 20)


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(text):
    return reading.query(postgres_address(text, "a test"), "select 1 as one")


def reached(port, file, **parts):
    """An address in pairs, verified in full."""
    given = {
        "host": "127.0.0.1",
        "port": port,
        "user": "lakehouse",
        "dbname": "postgres",
        "sslmode": "verify-full",
        "sslrootcert": file,
        **parts,
    }
    return " ".join(f"{name}='{value}'" for name, value in given.items())


WRITTEN = SECRET.replace("\\", "\\\\").replace("'", "\\'")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_server_is_verified_by_an_authority_of_ones_own(secured, host):
    port, file = secured
    assert answers(reached(port, file, host=host, password=WRITTEN)) == [{"one": 1}]


def test_a_server_that_our_authority_has_not_signed_is_refused_in_words(secured, tmp_path):
    port, _ = secured
    other = authority.Authority(tmp_path).file
    with pytest.raises(PublishError, match="a certificate that is not trusted") as told:
        answers(reached(port, other, password=WRITTEN))
    assert SECRET not in str(told.value)


def test_a_certificate_of_another_name_is_refused_in_words(secured):
    port, file = secured
    with pytest.raises(PublishError, match="certificate"):
        answers(reached(port, file, host="127.0.0.2", password=WRITTEN))


def test_of_several_hosts_the_first_that_answers_is_taken(secured):
    port, file = secured
    hosts, ports = "127.0.0.1,127.0.0.1", f"9,{port}"
    text = reached(ports, file, host=hosts, password=WRITTEN, target_session_attrs="read-write")
    assert answers(text) == [{"one": 1}]


@pytest.fixture(params=["the address", "PGPASSWORD", "a passfile"])
def with_password(request, secured, monkeypatch, tmp_path):
    """An address of the server, whose password is there or elsewhere."""
    port, file = secured
    if request.param == "the address":
        return reached(port, file, password=WRITTEN)
    if request.param == "PGPASSWORD":
        monkeypatch.setenv("PGPASSWORD", SECRET)
        return reached(port, file)
    passfile = tmp_path / "passfile"
    escaped = SECRET.replace("\\", "\\\\")
    passfile.write_text(f"127.0.0.1:{port}:*:lakehouse:{escaped}\n")
    passfile.chmod(0o600)
    return reached(port, file, passfile=passfile)


def test_marts_are_published_wherever_the_password_is(with_password, tmp_path, source, engine):
    source.rows = [event("a", 1, at(0))]
    toy = Toy(tmp_path, with_password, source, engine)
    toy.run(0)
    assert reading.query(toy.address, "select rows from marts.total") == [{"rows": 1}]
    found = trino_postgres.properties(toy.address, "${a secret}")
    assert found["connection-password"] == "${a secret}"
    assert SECRET not in str(found)
