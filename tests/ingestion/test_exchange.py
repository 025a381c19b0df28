"""Answers are bounded in time and in bytes, whatever a server does."""

from __future__ import annotations

import gc
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import loopback
import pytest
from loopback import Handler, Scripted
from pydantic import SecretStr

from chaos.liars import ENDLESS, SLOW, WRONG, Attack, Liar
from ingestion import client as clients
from ingestion.client import Client
from ingestion.people import Patience, Person
from lakehouse import SourceError, Window

START = datetime(2024, 3, 15, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
SIX_DAYS = Window(START, START + timedelta(days=6))
ROW = {"_id": "a", "date": 1_710_460_800_000}
LATE = "did not finish its answer within 0.2 s"
MANY_MEGABYTES = 300
TOO_MUCH = (
    "body without end",
    "blanks without end",
    "chunks without end",
    "chunk of an exabyte",
    "gzip bomb",
    "gzip bomb in gzip",
    "gzip members that grow",
    "lists without end",
)


# A connection that was cut in its handshake is closed when it is found as garbage: here, not in a
# later test.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("no_garbage"),
]


@pytest.fixture
def no_garbage() -> Iterator[None]:
    """Close what a test has left."""
    yield
    gc.collect()


class Brief(Patience):
    """Patience that soon runs out, however lively the server is."""

    exchange = 0.2  # type: ignore[assignment]
    overall = 0.5  # type: ignore[assignment]


SOON = {"first_wait": 0.001, "longest_wait": 0.004, "wake_timeout": 0.001}
BRIEF = Brief(timeout=5, attempts=2, **SOON)
ONCE = Brief(timeout=5, attempts=1)
HASTY = Patience(timeout=0.1, attempts=2, **SOON)


def fetch(url: str, window: Window = DAY, patience: Patience = BRIEF, **options: Any) -> list[Any]:
    person = {key: options.pop(key) for key in ("secret", "token") if key in options}
    with closing(Client(Person("anna", url, **person), patience, **options)) as client:
        return [document for page in client.entries(window) for document in page]


def failure(url: str, **options: Any) -> str:
    with pytest.raises(SourceError) as raised:
        fetch(url, **options)
    return raised.value.message


@pytest.mark.sample(2, long=30)
@pytest.mark.parametrize("name", ENDLESS | WRONG)
def test_whatever_a_server_does_is_an_error_that_names_the_site(name: str) -> None:
    patience = HASTY if "silence" in name or "handshake" in name else BRIEF
    with Liar((ENDLESS | WRONG)[name]) as liar:
        assert failure(liar.url, patience=patience).startswith(f"site 'anna': {liar.url}/api/v1/")


@pytest.mark.long
@pytest.mark.parametrize("name", SLOW)
def test_what_trickles_is_left_at_the_deadline(name: str) -> None:
    with Liar(SLOW[name]) as liar:
        assert LATE in failure(liar.url)
        assert (liar.asked, liar.ended) == (1, 0)


@pytest.mark.long
def test_a_connection_that_was_used_before_is_cut_too() -> None:
    with Scripted(loopback.documents(ROW), loopback.trickle) as server:
        assert LATE in failure(server.url, window=SIX_DAYS)
        assert not server.trickled.is_set()


@pytest.mark.long
def test_an_answer_under_tls_is_cut_too(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)
    with _UnderTls(SLOW["trailers trickle"], certificate) as liar:
        client = Client(Person("anna", liar.url), Patience(timeout=0.25))
        client.session.verify = str(certificate)
        with closing(client), pytest.raises(SourceError, match="did not finish its answer"):
            list(client.entries(DAY))
        assert (liar.asked, liar.ended) == (1, 0)


@pytest.mark.long
def test_a_connection_that_is_never_made_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        with socket.create_connection(address):  # the only place in its queue
            assert LATE in failure(f"http://127.0.0.1:{address[1]}")


@pytest.mark.long
def test_a_name_that_is_never_found_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    over, returned = threading.Event(), threading.Event()

    def search(*_: Any, **__: Any) -> None:
        over.wait(10)
        returned.set()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", search)
    assert LATE in failure("http://anna.example.org")
    assert not returned.is_set()
    over.set()


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_does_not_end_is_left_as_soon_as_it_is_too_much(name: str) -> None:
    with Liar(ENDLESS[name]) as liar:
        message = failure(liar.url, count=1, patience=Patience(attempts=1))
    assert "answered more than 1,004,096 bytes for 1 entries" in message


@pytest.mark.long
def test_attempts_end_when_the_time_for_all_of_them_is_up() -> None:
    patience = Brief(timeout=5, attempts=1_000, first_wait=0.05, longest_wait=0.1)
    with Scripted(loopback.status(500)) as server:
        message = failure(server.url, patience=patience)
    assert len(server.asked) < 20
    assert f"asked {len(server.asked)} times" in message


@pytest.mark.long
def test_whatever_a_server_sends_takes_little_memory() -> None:
    program = "import test_exchange; test_exchange.measure()"
    said = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        cwd=Path(__file__).parent,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert said.returncode == 0, said.stderr.decode()
    megabytes = json.loads(said.stdout)
    assert set(megabytes) == set(ENDLESS)
    assert {name for name, grown in megabytes.items() if grown > MANY_MEGABYTES} == set()


def measure() -> None:
    """Print by how many megabytes each endless answer made this process grow at its highest."""
    import resource

    def highest() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024

    with Scripted(loopback.documents(ROW)) as server:
        fetch(server.url)
    before, grown = highest(), {}
    for name, attack in ENDLESS.items():
        with Liar(attack) as liar:
            failure(liar.url, patience=ONCE)
        grown[name] = highest() - before
    sys.stdout.write(json.dumps(grown))


@pytest.mark.long
def test_many_long_rows_are_read() -> None:
    rows = [{**ROW, "_id": f"{number:024x}", "notes": "n" * 3_000} for number in range(9_999)]
    with Scripted(loopback.documents(*rows)) as server:
        assert fetch(server.url, patience=Patience()) == rows


def test_more_entries_than_were_asked_for_are_an_error() -> None:
    with Scripted(loopback.documents(ROW, ROW, ROW)) as server:
        message = failure(server.url, count=2)
    assert "answered 3 entries when asked for 2: it does not heed `count`" in message
    assert len(server.asked) == 1


@pytest.mark.long
def test_answers_that_stay_full_until_nothing_smaller_can_be_asked_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "_MOST_REQUESTS", 20)
    with Scripted(_full_until_a_millisecond) as server:
        message = failure(server.url, count=1, patience=Patience())
    assert "gave no end of entries in 20 requests" in message
    assert len(server.asked) == 20


def _full_until_a_millisecond(handler: Handler) -> None:
    asked = parse_qs(urlsplit(handler.path).query)
    start, end = (int(asked[f"find[date][${edge}]"][0]) for edge in ("gte", "lt"))
    newest = {**ROW, "date": end - 1}
    loopback.documents(*([newest] if end - start > 1 else []))(handler)


@pytest.mark.long
def test_cookies_of_a_server_are_not_kept() -> None:
    cookie = loopback.body(b"[]", Set_Cookie=f"a={'b' * 60_000}")
    with Scripted(cookie, loopback.documents()) as server:
        fetch(server.url, SIX_DAYS)
    assert [headers.get("cookie") for headers in server.headers] == [None, None]


@pytest.mark.long
def test_no_encoding_is_asked_for_but_gzip() -> None:
    with Scripted(loopback.documents()) as server:
        fetch(server.url)
    assert server.headers[0]["accept-encoding"] == "gzip"


@pytest.mark.long
def test_a_header_that_is_none_brings_no_token_into_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd = Attack(lambda: [b"HTTP/1.1 200 OK\r\nA: b\r\nno header\r\n\r\n[]"])
    with Liar(odd) as liar:
        fetch(liar.url, token=SecretStr("hush-7e57c0de"))
    assert "Failed to parse headers" in caplog.text
    assert "hush-7e57c0de" not in caplog.text


class _UnderTls(Liar):
    def __init__(self, attack: Attack, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        super().__init__(Attack(attack.pieces, attack.pause, scheme="https"))

    def _answer(self, connection: socket.socket) -> None:
        super()._answer(self._context.wrap_socket(connection, server_side=True))


def _certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, which nobody has signed."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    try:
        subprocess.run([*command.split(), *files], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    certificate.write_text(certificate.read_text() + key.read_text())
    return certificate
