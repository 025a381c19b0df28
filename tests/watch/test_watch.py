"""Servers are given up when they stop answering, and not while they only take their time."""

import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import authority
import processes
import pytest
from loopback import Scripted, production, status
from pydantic import SecretStr

from lakehouse.addresses import Address
from lakehouse.addresses.postgres import postgres_address
from lakehouse.config import load
from lakehouse.watch import doors, watch
from lakehouse.watch.doors import Door, Server, UnreachableError
from lakehouse.watch.watch import Watch

SOON = 0.2
ROOT = Path(__file__).parents[2]


class Deaf:
    """A listener that takes connections and never says a word."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked = threading.Event()
        self.taken = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        with suppress(OSError):
            while True:
                self.taken.append(self.listener.accept()[0])
                self.asked.set()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.taken:
            connection.close()


@pytest.fixture
def deaf():
    with closing(Deaf()) as listener:
        yield listener


@pytest.fixture
def hurried(monkeypatch):
    """Seconds become moments."""
    for name in ("_EACH", "_PATIENCE", "_LONGEST", "_HURRIED"):
        monkeypatch.setattr(watch, name, SOON)


def server(port, scheme="http"):
    return Server(
        "S3", f"{scheme}://127.0.0.1:{port}", "A_SETTING", (Door(scheme, "127.0.0.1", port),)
    )


@contextmanager
def watching(*servers, interrupt=lambda: None):
    with closing(Watch(servers, interrupt)) as watched:
        watched.start()
        yield watched


@pytest.mark.parametrize("scheme", ["http", "https", "postgres"])
def test_a_server_that_takes_connections_and_says_nothing_is_silent(deaf, scheme):
    assert server(deaf.port, scheme).is_silent(SOON)


def test_an_answer_of_any_kind_is_a_sign_of_life():
    with Scripted(status(500)) as answering:
        assert not server(int(answering.url.rpartition(":")[2])).is_silent(5)


@pytest.mark.long
def test_a_server_with_a_certificate_of_nobody_answers(tmp_path):
    certificate = authority.Authority(tmp_path).signed_by_itself()
    with authority.serving(certificate, status(500)) as url:
        assert not server(int(url.rpartition(":")[2]), "https").is_silent(5)


def test_a_server_that_speaks_otherwise_answers(deaf):
    with Scripted(status(200)) as answering:
        assert not server(int(answering.url.rpartition(":")[2]), "https").is_silent(5)


def test_a_port_where_nobody_listens_is_not_silent():
    assert not server(9).is_silent(5)


def test_the_embedded_and_the_real_postgres_answer(database):
    (found,) = doors._of_postgres(postgres_address(database, "a test"))
    assert not found.is_silent(5)


@pytest.mark.long
def test_of_several_hosts_one_answer_is_enough(deaf):
    with Scripted(status(200)) as answering:
        port = int(answering.url.rpartition(":")[2])
        places = tuple(Door("http", "127.0.0.1", each) for each in (deaf.port, port))
        assert not Server("S3", "", "", places).is_silent(SOON)
    assert Server("S3", "", "", places[:1] * 2).is_silent(SOON)


def test_a_host_that_takes_no_connection_is_unreachable():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:  # the queue is full
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        with pytest.raises(UnreachableError):
            server(port).is_silent(SOON)
        for each in waiting:
            each.close()


@pytest.mark.long
@pytest.mark.usefixtures("hurried")
def test_who_waits_for_a_silent_server_is_told_and_engines_are_interrupted(deaf):
    interrupted = threading.Event()
    with watching(server(deaf.port), interrupt=interrupted.set) as watched:
        for _ in range(2):  # a library tries again
            with socket.create_connection(("127.0.0.1", deaf.port), 30) as waiting:
                assert waiting.recv(1) == b""
        assert interrupted.wait(5)
    assert watched.given_up.message == f"S3 at http://127.0.0.1:{deaf.port} does not answer"
    assert "A_SETTING" in watched.given_up.hint


@pytest.mark.long
@pytest.mark.usefixtures("hurried")
def test_other_connections_stay(deaf):
    with Scripted(status(200)) as answering:
        at = ("127.0.0.1", int(answering.url.rpartition(":")[2]))
        with socket.create_connection(at) as kept, watching(server(deaf.port)):
            with socket.create_connection(("127.0.0.1", deaf.port), 30) as waiting:
                assert waiting.recv(1) == b""
            kept.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert kept.recv(4) == b"HTTP"


@pytest.mark.long
@pytest.mark.usefixtures("hurried")
def test_a_server_that_works_on_one_request_and_answers_others_is_not_given_up(deaf):
    """One place is silent; as the other answers, the server lives."""
    with Scripted(status(200)) as answering:
        at = ("127.0.0.1", int(answering.url.rpartition(":")[2]))
        living = Server("Trino", answering.url, "", (Door("http", *at),))
        with watching(living, server(deaf.port)) as watched, socket.create_connection(at) as busy:
            with socket.create_connection(("127.0.0.1", deaf.port), 30) as waiting:
                assert waiting.recv(1) == b""  # by now it would have been given up, too
            busy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert busy.recv(4) == b"HTTP"
            assert watched.given_up.message.startswith("S3")


def settings(folder, **variables):
    (folder / "lakehouse.toml").write_text("[project]\n")
    given = {
        "LAKEHOUSE_PROFILE": "production",
        "LAKEHOUSE_NESSIE_URL": "https://nessie.example.org",
        "LAKEHOUSE_TRINO_URL": "http://anna@trino.example.org:8080",
        "LAKEHOUSE_S3_ENDPOINT": "http://127.0.0.1:9000",
        "LAKEHOUSE_WAREHOUSE": "s3://lake/warehouse",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "LAKEHOUSE_POSTGRES_URL": "postgresql://anna:secret@one,[::1]:5433/marts",
    }
    return load(folder, {**given, **variables})


def test_all_servers_of_a_project_are_watched_and_no_secret_is_shown(tmp_path):
    found = {each.name: each for each in doors.servers(settings(tmp_path))}
    assert {name: each.shown for name, each in found.items()} == {
        "Nessie": "https://nessie.example.org",
        "S3": "http://127.0.0.1:9000",
        "Trino": "http://trino.example.org:8080",
        "Postgres": "one:5432,::1:5433/marts",
    } | {"Postgres": settings(tmp_path).postgres_url.shown}
    assert found["Nessie"].doors == (Door("https", "nessie.example.org", 443),)
    assert found["Postgres"].doors == (
        Door("postgres", "one", 5432),
        Door("postgres", "::1", 5433),
    )


def test_servers_that_are_not_used_are_not_watched(tmp_path):
    assert [e.name for e in doors.servers(settings(tmp_path, LAKEHOUSE_ENGINE="duckdb"))] == [
        "Nessie",
        "S3",
        "Postgres",
    ]
    assert doors.servers(load(tmp_path, {})) == []


def test_a_postgres_on_a_socket_is_reached_by_its_folder():
    address = Address("/run/pg/postgres", SecretStr("host=/run/pg dbname=postgres"))
    (found,) = doors._of_postgres(address)
    assert found.doors[0].peers() == {"/run/pg/.s.PGSQL.5432"}


def command(folder, port, *arguments):
    """Start a command of a project whose Nessie and S3 are at a port."""
    url = f"http://127.0.0.1:{port}"
    variables = production(folder, url, "secret-of-nobody") | {
        "LAKEHOUSE_POSTGRES_URL": f"postgresql://anna:secret-of-nobody@127.0.0.1:{port}/marts",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "lakehouse", *arguments],
        cwd=folder,
        env=processes.environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_waits_for_a_silent_server_ends_when_it_is_told_to(deaf, tmp_path, number):
    process = command(tmp_path, deaf.port, "query", "select 1")
    assert deaf.asked.wait(60)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "interrupted" in said


@pytest.mark.long
def test_a_command_that_meets_silence_says_whose_it_is_within_two_minutes(deaf, tmp_path):
    process = command(tmp_path, deaf.port, "query", "select 1")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert f"Nessie at http://127.0.0.1:{deaf.port} does not answer" in said
    assert "secret-of-nobody" not in said
