"""A session closes what it opened, in order, whatever fails; nothing of it stays in the process."""

import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import psutil
import psycopg
import pytest
from open_files import open_files
from pydantic import SecretStr

from lakehouse.catalogs.nessie import NessieCatalog
from lakehouse.compile import dag
from lakehouse.config import Servers, load
from lakehouse.engines.duckdb import DuckDB
from lakehouse.errors import ServerError, StorageError
from lakehouse.session import Session
from lakehouse.storage import Bucket
from lakehouse.system.aws_keys import Keys


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Of a home with an embedded Postgres of its own, which was opened and closed once.

    So what libraries start once in a process is there.
    """
    folder = tmp_path_factory.mktemp("project")
    (folder / "lakehouse.toml").write_text("[project]\n")
    settings = load(folder, {})
    opened(settings)[0].close()
    return settings


def opened(settings):
    """A session with everything open, and the address of its Postgres."""
    session = Session(settings)
    assert session.catalog.branches() == []
    assert session.engine.connection.execute("SELECT 1").fetchone() == (1,)
    session.start_staging()
    return session, session.start_postgres().result()


def held(settings):
    """The threads and processes of this process, and the files of the home that it has open.

    Counted one by one: a thread that an earlier test left may end at any time.
    """
    process = psutil.Process()
    threads = [f"thread {each.id}" for each in process.threads()]
    children = [f"process {each.pid}" for each in process.children(recursive=True)]
    return Counter([*threads, *children, *open_files(settings.home)])


def answers(address):
    try:
        psycopg.connect(address.reveal()).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.long
def test_a_session_that_is_closed_holds_nothing(settings):
    before = held(settings)
    session, address = opened(settings)
    assert held(settings) - before
    session.close()
    assert not held(settings) - before
    assert not answers(address)


@pytest.mark.long
def test_it_may_be_closed_again(settings):
    session, _ = opened(settings)
    session.close()
    session.close()


@pytest.mark.long
def test_the_engine_is_closed_while_the_catalog_and_postgres_are_there(settings, monkeypatch):
    session, address = opened(settings)
    close, seen = DuckDB.close, []

    def look_and_close(engine):
        seen.append((answers(address), session.catalog.branches()))
        close(engine)

    monkeypatch.setattr(DuckDB, "close", look_and_close)
    session.close()
    assert seen == [(True, [])]


@pytest.fixture
def failing(monkeypatch):
    """Lets the engine fail to close, when it is closed."""
    close = DuckDB.close

    def fail(engine):
        close(engine)
        raise ZeroDivisionError

    monkeypatch.setattr(DuckDB, "close", fail)


@pytest.mark.long
def test_what_fails_to_close_keeps_nothing_else_open(settings, failing):
    before = held(settings)
    session, address = opened(settings)
    with pytest.raises(ZeroDivisionError):
        session.close()
    assert not held(settings) - before
    assert not answers(address)


@pytest.mark.long
def test_what_fails_to_close_hides_no_error(settings, failing):
    with pytest.raises(KeyError, match="the reason"), opened(settings)[0]:
        raise KeyError("the reason")


@pytest.mark.long
def test_what_fails_to_close_is_an_error_where_there_is_no_other(settings, failing):
    with pytest.raises(ZeroDivisionError), opened(settings)[0]:
        pass


def test_a_reading_of_the_dag_leaves_no_module(toy):
    class Nothing:
        def node(self, step, name, function, parents):
            return None

    dag.visit(toy.project, Nothing())
    before = set(sys.modules)
    dag.visit(toy.project, Nothing())
    assert set(sys.modules) == before


class Answers(BaseHTTPRequestHandler):
    """Answers as a server does that keeps connections open."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def finish(self):
        super().finish()
        self.server.ended.set()

    def log_message(self, *_):
        pass


def test_the_catalog_of_production_closes_its_connections_and_can_be_asked_again():
    bucket = Bucket(None, "here", Keys(SecretStr("key"), SecretStr("secret")))
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        catalog = NessieCatalog(Servers(url, None, "s3://lake", bucket))
        for _ in range(2):
            server.ended = Event()
            assert catalog.nessie.get("config") == {}
            assert not server.ended.is_set()
            catalog.close()
            catalog.close()
            assert server.ended.wait(10)
        server.shutdown()


@pytest.mark.parametrize("error", [ValueError("a library's"), StorageError("is not Nessie")])
def test_an_error_over_a_server_that_was_given_up_is_told_as_that(tmp_path, error):
    (tmp_path / "lakehouse.toml").write_text("[project]\n")

    def fail():
        with Session(load(tmp_path, {})) as session:
            session.watch.given_up = ServerError("Nessie does not answer")
            raise error

    with pytest.raises(ServerError, match="does not answer"):
        fail()
