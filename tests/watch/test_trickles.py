"""Answers that come a few bytes at a time, without an end, are given up; slow ones are not."""

import socket
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest
from pydantic import SecretStr

from lakehouse.catalogs.nessie_http import Nessie
from lakehouse.engines import duckdb
from lakehouse.engines.trino_client import Client
from lakehouse.storage import Bucket
from lakehouse.system.aws_keys import Keys
from lakehouse.watch import trickles, watch
from lakehouse.watch.doors import Door, Server
from lakehouse.watch.watch import Watch


def by_nessie(url, _):
    Nessie(url).get("config")


def by_trino(url, _):
    Client(url.replace("//", "//anna@")).run("SELECT 1")


def bucket(url):
    return Bucket(url, "here", Keys(SecretStr("key"), SecretStr("secret")), has_path_style=True)


def by_s3fs(url, _):
    bucket(url).path("s3://lake/file").read_bytes()


def by_duckdb(url, folder):
    with closing(duckdb.connect(folder / "spill", bucket=bucket(url))) as engine:
        engine.scalar("SELECT count(*) FROM read_parquet('s3://lake/file.parquet')")


class Slow:
    """A server that answers whatever it is asked by `piece`, again and again."""

    def __init__(self, piece, begins=b"HTTP/1.1 200 OK\r\n"):
        self.piece, self.begins = piece, begins
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with suppress(OSError):
            while True:
                work = self.listener.accept()[:1]
                threading.Thread(target=self._answer, args=work, daemon=True).start()

    def _answer(self, connection):
        with connection, suppress(OSError):
            connection.recv(10_000)
            connection.sendall(self.begins)
            while not self.over.wait(0.02):
                connection.sendall(self.piece)

    def close(self):
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Echo(Slow):
    """A server that repeats what it hears, after a moment."""

    def _answer(self, connection):
        with connection, suppress(OSError):
            while (told := connection.recv(100)) and not self.over.wait(0.02):
                connection.sendall(told)


@pytest.fixture
def hurried(monkeypatch):
    """Seconds become moments."""
    for name in ("_EACH", "_PATIENCE", "_LONGEST", "_HURRIED"):
        monkeypatch.setattr(watch, name, 0.1)
    monkeypatch.setattr(watch, "_TICK", 0.05)
    monkeypatch.setattr(trickles, "LONGEST", 0.5)


@contextmanager
def watching(port):
    server = Server("S3", f"http://127.0.0.1:{port}", "", (Door("http", "127.0.0.1", port),))
    with closing(Watch([server], lambda: None)) as watched:
        watched.start()
        yield watched


@pytest.mark.long
@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("ask", [by_nessie, by_trino, by_s3fs, by_duckdb])
def test_who_waits_for_the_end_of_an_answer_is_told(ask, tmp_path):
    with closing(Slow(b"x")) as slow, watching(slow.port) as watched:
        url = f"http://127.0.0.1:{slow.port}"
        with pytest.raises(Exception, match=r"."):  # by what the library makes of it
            ask(url, tmp_path)
    assert watched.given_up.message == f"S3 at {url} does not end its answer"


@pytest.mark.long
@pytest.mark.usefixtures("hurried")
def test_an_answer_of_many_bytes_may_take_its_time():
    with (
        closing(Slow(b"x" * 1000)) as slow,
        watching(slow.port) as watched,
        socket.create_connection(("127.0.0.1", slow.port)) as connection,
    ):
        connection.sendall(b"?")
        assert connection.recv(60_000, socket.MSG_WAITALL)
    assert watched.given_up is None


@pytest.mark.long
@pytest.mark.usefixtures("hurried")
def test_a_conversation_in_few_words_is_no_trickle():
    with (
        closing(Echo(b"")) as echo,
        watching(echo.port) as watched,
        socket.create_connection(("127.0.0.1", echo.port)) as speaking,
    ):
        end = time.monotonic() + 1
        while time.monotonic() < end:
            speaking.sendall(b"?")
            assert speaking.recv(1) == b"?"
    assert watched.given_up is None
