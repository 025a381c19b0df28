from __future__ import annotations

import gzip
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha1
from pathlib import Path
from typing import Any

import loopback
import pytest
import requests
from loopback import Answer, Scripted
from pydantic import SecretStr

from ingestion.client import Client, Steps
from ingestion.exchange import Exchanges
from ingestion.people import Patience, Person
from ingestion.replay import Documents, ReplayServer
from ingestion.side_by_side import Pause
from lakehouse import SourceError, Window

START = datetime(2024, 3, 15, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
MS = timedelta(milliseconds=1)
SOON = {"first_wait": 0.001, "longest_wait": 0.004, "wake_timeout": 0.001}
QUICK = Patience(timeout=5, attempts=3, **SOON)
HASTY = Patience(timeout=0.1, attempts=2, **SOON)
CREDENTIAL = "hush-7e57c0de"

PASSING = {
    "500": loopback.status(500),
    "503": loopback.status(503),
    "408": loopback.status(408),
    "425": loopback.status(425),
    "429": loopback.status(429),
    "html": loopback.body(b"<!doctype html><p>Waking up"),
    "half a document": loopback.body(b'[{"_id":"a","sgv":1'),
    "empty": loopback.body(b""),
    "not a list": loopback.body(b'{"status":200}'),
    "not utf-8": loopback.body(b'["\xff"]'),
    "nested": loopback.body(b"[" * 100_000 + b"]" * 100_000),
    "not gzip": loopback.body(b"[]", Content_Encoding="gzip"),
    "hang up": loopback.hang_up,
    "short": loopback.break_off,
    "short chunks": loopback.break_off_chunks,
}
LASTING = {
    "401": loopback.status(401),
    "403": loopback.status(403),
    "404": loopback.status(404),
    "400": loopback.status(400),
    "301": loopback.status(301, Location="https://new.example.org/api/v1/entries.json"),
    "302": loopback.status(302, Location="/login"),
    "304": loopback.status(304),
    "204": loopback.status(204),
}


@contextmanager
def asking(server: Any, patience: Patience = QUICK, **options: Any) -> Iterator[Client]:
    person = {key: options.pop(key) for key in ("secret", "token") if key in options}
    with closing(Client(Person("anna", server.url, **person), patience, **options)) as client:
        yield client


def fetch(server: Any, window: Window = DAY, **options: Any) -> list[Any]:
    with asking(server, **options) as client:
        return [document for page in client.entries(window) for document in page]


def failure(answer: Answer, **options: Any) -> SourceError:
    with Scripted(answer) as server, pytest.raises(SourceError) as raised:
        fetch(server, **options)
    return raised.value


def at(instant: datetime, **fields: Any) -> dict[str, Any]:
    date = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // MS
    return {"_id": f"{date:024x}", "type": "sgv", "date": date, "sgv": 100, **fields}


# Windows and pages


def test_reads_what_is_in_the_window() -> None:
    inside = [at(START), at(START + timedelta(hours=12)), at(DAY.end - MS)]
    with ReplayServer(Documents([at(START - MS), *inside, at(DAY.end)])) as server:
        assert sorted(fetch(server), key=lambda found: found["date"]) == inside


def test_adjacent_windows_share_nothing_and_miss_nothing() -> None:
    all_of_it = [at(START + step * MS) for step in range(4)]
    edge = START + timedelta(microseconds=1500)
    with ReplayServer(Documents(all_of_it)) as server:
        before = fetch(server, Window(START, edge))
        after = fetch(server, Window(edge, START + 4 * MS))
    assert (before, after) == (all_of_it[1::-1], all_of_it[:1:-1])


def test_a_window_within_one_millisecond_asks_nothing() -> None:
    with Scripted(loopback.documents()) as server:
        moment = START + timedelta(microseconds=100)
        assert fetch(server, Window(moment, moment + timedelta(microseconds=100))) == []
    assert server.asked == []


def test_asks_for_half_open_spans_in_milliseconds() -> None:
    with Scripted(loopback.documents()) as server:
        fetch(server)
    assert server.asked == [
        {"count": "10000", "find[date][$gte]": "1710460800000", "find[date][$lt]": "1710547200000"}
    ]


def test_a_long_window_is_asked_in_spans_of_five_days() -> None:
    with Scripted(loopback.documents()) as server:
        fetch(server, Window(START, START + timedelta(days=11)))
    asked = [(int(q["find[date][$gte]"]), int(q["find[date][$lt]"])) for q in server.asked]
    days = [(end - start) / 86_400_000 for start, end in asked]
    assert days == [5, 5, 1]
    assert [end for _, end in asked[:-1]] == [start for start, _ in asked[1:]]


def test_yields_a_list_for_each_answer_oldest_span_first() -> None:
    days = [at(START + timedelta(days=day)) for day in (7, 1)]
    with ReplayServer(Documents(days)) as server, asking(server) as client:
        pages = list(client.entries(Window(START, START + timedelta(days=10))))
    assert pages == [[days[1]], [days[0]]]


def test_reads_entries_of_all_types() -> None:
    kinds = {"sgv", "mbg", "cal"}
    with ReplayServer(Documents([at(START, type=kind) for kind in kinds])) as server:
        assert {found["type"] for found in fetch(server)} == kinds


def test_a_cut_answer_is_asked_again_in_halves() -> None:
    every = [at(START + timedelta(minutes=minute)) for minute in range(1440)]
    with ReplayServer(Documents(every)) as server:
        found = fetch(server, count=100)
    assert sorted(document["date"] for document in found) == [one["date"] for one in every]


def test_exactly_as_many_as_asked_for_may_be_a_cut_answer() -> None:
    older, newer = at(START), at(START + timedelta(hours=13))
    with Scripted(loopback.documents(newer, older), loopback.documents(older)) as server:
        assert fetch(server, count=2) == [newer, older]
    assert server.asked[1]["find[date][$lt]"] == str(older["date"] + 1)


def test_one_fewer_than_asked_for_is_the_whole_answer() -> None:
    with Scripted(loopback.documents(at(START))) as server:
        fetch(server, count=2)
    assert len(server.asked) == 1


def test_a_full_millisecond_is_an_error() -> None:
    crowd = [at(START, _id=str(number)) for number in range(5)]
    with ReplayServer(Documents(crowd)) as server, pytest.raises(SourceError) as raised:
        fetch(server, count=5)
    assert "5 entries or more in one millisecond" in raised.value.message
    assert "[2024-03-15T00:00:00.000Z, 2024-03-15T00:00:00.001Z)" in raised.value.message


def test_the_connection_is_kept_while_reading_and_closed_after_it() -> None:
    hung_up = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                while connection.recv(1 << 16):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
            hung_up.set()

        threading.Thread(target=serve, daemon=True).start()
        person = Person("anna", f"http://127.0.0.1:{listening.getsockname()[1]}")
        client = Client(person, QUICK)
        pages = client.entries(Window(START, START + timedelta(days=15)))
        assert [next(pages), next(pages), next(pages)] == [[], [], []]
        assert not hung_up.is_set()
        assert list(pages) == []
        assert hung_up.wait(10)


# Failures


@pytest.mark.sample(6)
@pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING.keys())
def test_what_may_pass_is_asked_again(answer: Answer) -> None:
    with Scripted(answer, answer, loopback.documents(at(START))) as server:
        assert fetch(server) == [at(START)]
    assert len(server.asked) == 3


@pytest.mark.sample(6)
@pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING.keys())
def test_what_does_not_pass_is_an_error_after_the_attempts(answer: Answer) -> None:
    with Scripted(answer) as server, pytest.raises(SourceError, match="asked 3 times"):
        fetch(server)
    assert len(server.asked) == 3


@pytest.mark.parametrize("answer", LASTING.values(), ids=LASTING.keys())
def test_what_will_not_pass_is_asked_once(answer: Answer) -> None:
    with Scripted(answer) as server, pytest.raises(SourceError):
        fetch(server)
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [loopback.silence, loopback.fall_silent])
def test_silence_is_an_error_that_names_the_seconds(answer: Answer) -> None:
    error = failure(answer, patience=HASTY)
    assert "said nothing for 0.1 s, asked 2 times" in error.message


def test_nobody_at_the_address() -> None:
    with Scripted(loopback.documents()) as server:
        pass
    with pytest.raises(SourceError, match="cannot be reached, asked 3 times"):
        fetch(server)


def test_a_name_that_cannot_be_called() -> None:
    person = Person("anna", f"http://{'a' * 70}.example.org")
    with closing(Client(person, QUICK)) as client, pytest.raises(SourceError, match="be called"):
        list(client.entries(DAY))


def test_compressed_answers_are_read() -> None:
    zipped = gzip.compress(b'[{"_id":"a"}]')
    with Scripted(loopback.body(zipped, Content_Encoding="gzip")) as server:
        assert fetch(server) == [{"_id": "a"}]


def test_an_error_names_site_address_and_window() -> None:
    with Scripted(loopback.status(404)) as server, pytest.raises(SourceError) as raised:
        fetch(server)
    assert raised.value.message == (
        f"site 'anna': {server.url}/api/v1/entries.json is not there (404),"
        " for [2024-03-15T00:00:00.000Z, 2024-03-16T00:00:00.000Z)"
    )


@pytest.mark.parametrize("name", [*PASSING, *LASTING])
def test_every_error_has_a_hint(name: str) -> None:
    assert failure({**PASSING, **LASTING}[name]).hint


def test_html_is_called_html() -> None:
    assert "answered HTML" in failure(PASSING["html"]).message


def test_json_that_is_no_list_is_called_so() -> None:
    assert "answered JSON that is no list" in failure(PASSING["not a list"]).message


def test_an_error_after_good_spans_is_an_error() -> None:
    with (
        Scripted(loopback.documents(at(START)), loopback.status(500)) as server,
        pytest.raises(SourceError, match=r"status 500.*\[2024-03-20T00:00:00.000Z"),
    ):
        fetch(server, Window(START, START + timedelta(days=6)))


def test_a_redirect_is_not_followed() -> None:
    with Scripted(loopback.documents()) as other:
        moved = loopback.status(301, Location=f"{other.url}/api/v1/entries.json?a=b")
        error = failure(moved, secret=SecretStr(CREDENTIAL))
    assert other.asked == []
    assert f"redirects to {other.url}, for" in error.message
    assert "'anna' to the new one" in error.hint


def test_a_redirect_to_nonsense_is_an_error() -> None:
    moved = loopback.status(301, Location="http://[nonsense")
    assert "redirects to an address that is none" in failure(moved).message


def waits(*answers: Answer, **limits: Any) -> list[float]:
    """The seconds that the client wants to wait between attempts; nobody waits for them here."""
    with Scripted(*answers) as server, asking(server, Patience(timeout=5, **limits)) as client:
        steps = client.steps(DAY, Exchanges())
        return [step.seconds for step in until_it_fails(steps) if isinstance(step, Pause)]


def until_it_fails(steps: Steps) -> Iterator[list[Any] | Pause]:
    with suppress(SourceError):
        yield from steps


@pytest.mark.parametrize(("asked", "waited"), [("7", 7), ("3600", 30)])
def test_retry_after_is_honoured_up_to_a_bound(asked: str, waited: float) -> None:
    wait = loopback.status(429, Retry_After=asked)
    assert waits(wait, loopback.documents(), longest_wait=30) == [waited]


def test_retry_after_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    wait = loopback.status(503, Retry_After=later)
    assert waits(wait, loopback.documents(), longest_wait=30) == [30]


@pytest.mark.parametrize(
    "text", ["soon", "-1", "", "²", "9" * 400, "Fri, 31 Dec 9999 25:00:00 GMT"]
)
def test_nonsense_in_retry_after_does_not_matter(text: str) -> None:
    answer = loopback.status(503, Retry_After=text.encode().decode("latin-1"))
    with Scripted(answer, loopback.documents(at(START))) as server:
        assert fetch(server) == [at(START)]


def test_waits_grow_up_to_a_bound() -> None:
    found = waits(loopback.status(500), attempts=6, first_wait=1, longest_wait=10)
    assert found == [1, 2, 4, 8, 10]


WAKING = {
    "502": loopback.status(502),
    "503": loopback.status(503),
    "504": loopback.status(504),
    "521": loopback.status(521),
    "hang up": loopback.hang_up,
}


@pytest.mark.parametrize("answer", WAKING.values(), ids=WAKING.keys())
def test_a_host_that_wakes_is_asked_more_often_than_others(answer: Answer) -> None:
    patience = Patience(timeout=5, attempts=2, first_wait=0.001, longest_wait=0.001)
    with Scripted(*[answer] * 9, loopback.documents(at(START))) as server:
        assert fetch(server, patience=patience) == [at(START)]


def test_a_host_that_does_not_wake_is_an_error_when_its_time_is_up() -> None:
    patience = Patience(
        timeout=5, attempts=2, first_wait=0.001, longest_wait=0.01, wake_timeout=0.1
    )
    with Scripted(loopback.status(503)) as server, pytest.raises(SourceError) as raised:
        fetch(server, patience=patience)
    assert len(server.asked) > 2
    assert f"status 503, asked {len(server.asked)} times" in raised.value.message


def test_a_host_that_cannot_be_connected_to_may_be_waking() -> None:
    with Scripted(loopback.documents()) as server:
        pass
    patience = Patience(timeout=5, attempts=2, first_wait=0.01, longest_wait=0.01, wake_timeout=0.1)
    with pytest.raises(SourceError, match=r"cannot be reached, asked (\d\d|[3-9]) times"):
        fetch(server, patience=patience)


def test_with_one_attempt_nobody_is_waited_for() -> None:
    with Scripted(loopback.status(503)) as server, pytest.raises(SourceError):
        fetch(server, patience=Patience(timeout=5, attempts=1))
    assert len(server.asked) == 1


# Credentials


def test_the_secret_goes_as_its_sha1() -> None:
    with Scripted(loopback.documents()) as server:
        fetch(server, secret=SecretStr(CREDENTIAL))
    assert server.headers[0]["api-secret"] == sha1(CREDENTIAL.encode()).hexdigest()
    assert "token" not in server.asked[0]


def test_the_token_goes_as_a_parameter() -> None:
    with Scripted(loopback.documents()) as server:
        fetch(server, token=SecretStr(CREDENTIAL))
    assert server.asked[0]["token"] == CREDENTIAL
    assert "api-secret" not in server.headers[0]


def test_the_right_secret_opens_the_server() -> None:
    with ReplayServer(Documents([at(START)]), secret=CREDENTIAL) as server:
        assert fetch(server, secret=SecretStr(CREDENTIAL)) == [at(START)]


def test_a_wrong_secret_is_an_error_that_names_the_variables() -> None:
    with (
        ReplayServer(Documents([at(START)]), secret=CREDENTIAL) as server,
        pytest.raises(SourceError, match=r"refuses the credential \(401\)") as raised,
    ):
        fetch(server, secret=SecretStr("wrong"))
    assert raised.value.hint == "check NIGHTSCOUT_API_SECRET or NIGHTSCOUT_TOKEN"


def test_without_a_credential_a_401_says_which_variables_to_set() -> None:
    with (
        ReplayServer(Documents([at(START)]), secret=CREDENTIAL) as server,
        pytest.raises(
            SourceError, match=r"asks for a credential \(401\), and none is set"
        ) as raised,
    ):
        fetch(server)
    assert raised.value.hint == "set NIGHTSCOUT_API_SECRET or NIGHTSCOUT_TOKEN"


@pytest.mark.parametrize("write", [str.lower, str.upper])
def test_a_secret_that_is_a_sha1_goes_as_it_is(write: Callable[[str], str]) -> None:
    digest = sha1(CREDENTIAL.encode()).hexdigest()
    with ReplayServer(Documents([at(START)]), secret=CREDENTIAL) as server:
        assert fetch(server, secret=SecretStr(write(digest))) == [at(START)]


PAGE = b"<!doctype html><title>Attention Required!</title>"
IN_FRONT = {
    "a page": (loopback.other(403, PAGE), "another server"),
    "a page by its type": (loopback.other(403, b"No", Content_Type="text/html"), "another server"),
    "Cloudflare": (loopback.other(403, b"error code: 1020", Server="cloudflare"), "Cloudflare"),
    "a password": (
        loopback.other(401, b"No", WWW_Authenticate='Basic realm="x"'),
        "a server that wants a password",
    ),
    "a page without end": (loopback.other(401, PAGE, Content_Length="999999"), "another server"),
}


@pytest.mark.parametrize("name", IN_FRONT)
def test_what_stands_in_front_is_told_from_nightscout(name: str) -> None:
    answer, front = IN_FRONT[name]
    error = failure(answer, secret=SecretStr(CREDENTIAL))
    assert f"is kept from us by {front} in front of it" in error.message
    assert "no credential of Nightscout helps" in error.hint


def test_a_403_of_nightscout_is_about_the_role() -> None:
    error = failure(loopback.other(403, b'{"status":403}'), token=SecretStr(CREDENTIAL))
    assert "does not allow reading (403)" in error.message
    assert "role" in error.hint


LEAKY = {
    **PASSING,
    **LASTING,
    "redirect with token": loopback.status(
        302, Location=f"https://{CREDENTIAL}:x@new.example.org/?token={CREDENTIAL}"
    ),
    "bad header": loopback.body(b"[", **{CREDENTIAL: "\x00\n no header"}),
}


@pytest.mark.sample(18)
@pytest.mark.parametrize("kind", ["secret", "token"])
@pytest.mark.parametrize("answer", [*LEAKY.values(), loopback.silence], ids=[*LEAKY, "silence"])
def test_no_error_and_no_log_holds_a_credential(
    answer: Answer, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    patience = HASTY if answer is loopback.silence else QUICK
    error = failure(answer, patience=patience, **{kind: SecretStr(CREDENTIAL)})
    assert "urllib3" in caplog.text
    for text in (*everything(error), caplog.text):
        assert CREDENTIAL not in text
        assert sha1(CREDENTIAL.encode()).hexdigest() not in text


def everything(error: BaseException) -> Iterator[str]:
    """All texts of an error and of the errors behind it."""
    yield from (str(error), repr(error), "".join(traceback.format_exception(error)))
    for behind in (error.__cause__, error.__context__):
        if behind is not None:
            yield from everything(behind)


def test_the_log_still_says_what_was_asked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Scripted(loopback.documents()) as server:
        fetch(server, token=SecretStr(CREDENTIAL))
    assert "/api/v1/entries.json?token=…&count=10000" in caplog.text


@pytest.mark.parametrize("kind", ["secret", "token"])
def test_no_repr_holds_a_credential(kind: str) -> None:
    credential: dict[str, Any] = {kind: SecretStr(CREDENTIAL)}
    with Scripted() as server, asking(server, **credential) as client:
        assert "anna" in repr(client)
        assert CREDENTIAL not in repr(client)
        assert sha1(CREDENTIAL.encode()).hexdigest() not in repr(client)


@pytest.mark.parametrize("machine", ["default", "machine 127.0.0.1"])
def test_no_password_of_a_netrc_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: str
) -> None:
    (tmp_path / "netrc").write_text(f"{machine} login planted password planted")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Scripted(loopback.documents()) as server:
        fetch(server)
        requests.get(server.url, timeout=5)
    assert ["authorization" in headers for headers in server.headers] == [False, True]


def test_a_proxy_is_asked_for_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Scripted(loopback.documents(at(START))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with closing(Client(Person("anna", "http://anna.example.org"), QUICK)) as client:
            assert list(client.entries(DAY)) == [[at(START)]]


def test_no_proxy_stands_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Scripted(loopback.documents(at(START))) as server:
        assert fetch(server) == [at(START)]
