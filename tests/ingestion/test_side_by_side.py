"""People are read side by side, and each fails alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import loopback
import pyarrow as pa
import pytest
from authority import Authority, serving
from loopback import Answer, Handler, Scripted

from ingestion.client import Client
from ingestion.people import Patience, Person
from ingestion.side_by_side import AT_ONCE, PER_HOST, Pause, Reading, side_by_side
from ingestion.source import Nightscout
from lakehouse import SourceError, Unread, Window

START = datetime(2024, 3, 15, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
TWO_SPANS = Window(START, START + timedelta(days=6))
MS = int(START.timestamp() * 1000)
BRIEF = Patience(timeout=0.2, attempts=2, first_wait=0.001, longest_wait=0.01, wake_timeout=0.1)


def entry(name: str) -> dict[str, Any]:
    return {"_id": name, "type": "sgv", "date": MS, "sgv": 100}


@contextmanager
def nightscout(patience: Patience = BRIEF, **urls: str) -> Iterator[Nightscout]:
    people = [Person(site, url) for site, url in urls.items()]
    with closing(Nightscout(tuple(Client(person, patience) for person in people))) as source:
        yield source


def sites(tables: list[Any]) -> set[str]:
    return {site for table in tables for site in table["site"].to_pylist()}


def read(source: Nightscout, window: Window = DAY) -> tuple[list[pa.Table], list[Unread]]:
    tables, unread = list[pa.Table](), list[Unread]()
    for page in source.entries(window):
        unread += [page] if isinstance(page, Unread) else []
        tables += [] if isinstance(page, Unread) else [page]
    return tables, unread


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "_work" in thread.name]


# Each fails alone


@pytest.mark.long
def test_of_22_people_the_four_who_cannot_be_read_are_named(tmp_path: Any) -> None:
    with ExitStack() as servers:
        good = [f"site{number}" for number in range(18)]
        urls = {
            site: servers.enter_context(Scripted(loopback.documents(entry(site)))).url
            for site in good
        }
        bad = {
            "broken": loopback.status(500),
            "refused": loopback.status(401),
            "hung": loopback.silence,
        }
        for site, answer in bad.items():
            urls[site] = servers.enter_context(Scripted(answer)).url
        urls["forged"] = servers.enter_context(
            serving(Authority(tmp_path).certificate(), loopback.documents())
        )
        with nightscout(**urls) as source:
            tables, unread = read(source)
    assert sites(tables) == set(good)
    assert [one.key for one in unread] == [
        {"site": site} for site in ("broken", "refused", "hung", "forged")
    ]
    reasons = ["status 500", "(401)", "said nothing for 0.2 s", "authority that is not trusted"]
    for one, reason in zip(unread, reasons, strict=True):
        assert f"site {one.key['site']!r}: " in one.message
        assert reason in one.message
        assert one.hint


def test_if_nobody_can_be_read_the_error_has_all_reasons() -> None:
    with (
        Scripted(loopback.status(500)) as broken,
        Scripted(loopback.status(401)) as refused,
        nightscout(anna=broken.url, ben=refused.url) as source,
        pytest.raises(SourceError) as raised,
    ):
        list(source.entries(DAY))
    assert "site 'anna': " in raised.value.message
    assert "site 'ben': " in raised.value.message
    assert "the log of the server says why; set NIGHTSCOUT" in raised.value.hint


def test_the_error_of_a_single_person_is_their_own() -> None:
    with (
        Scripted(loopback.status(404)) as server,
        nightscout(anna=server.url) as source,
        pytest.raises(SourceError, match=r"^site 'anna': .* is not there \(404\)"),
    ):
        list(source.entries(DAY))


def test_one_who_fails_after_some_pages_is_unread_too() -> None:
    with (
        Scripted(loopback.documents(entry("a")), loopback.status(404)) as fails,
        Scripted(loopback.documents(entry("b")), loopback.documents()) as good,
        nightscout(anna=fails.url, ben=good.url) as source,
    ):
        _, unread = read(source, TWO_SPANS)
    assert [one.key for one in unread] == [{"site": "anna"}]


def test_the_pages_of_one_person_keep_their_order() -> None:
    with (
        Scripted(loopback.documents(entry("1")), loopback.documents()) as server,
        nightscout(anna=server.url) as source,
    ):
        tables, _ = read(source, TWO_SPANS)
    assert [table.num_rows for table in tables] == [1, 0]


# Nobody is held up


def test_pages_of_others_come_while_one_hangs() -> None:
    with (
        Scripted(loopback.silence) as hung,
        Scripted(loopback.documents(entry("b"))) as good,
        nightscout(Patience(timeout=30), anna=hung.url, ben=good.url) as source,
        closing(source.entries(DAY)) as pages,
    ):
        assert sites([next(pages)]) == {"ben"}


@pytest.mark.long
def test_many_who_wake_hold_up_nobody() -> None:
    asleep = loopback.status(503)
    patience = Patience(timeout=30, first_wait=30, wake_timeout=60)
    with (
        Scripted(asleep) as server,
        Scripted(loopback.documents(entry("b"))) as good,
        ExitStack() as hosts,
    ):
        sleepers = {f"s{n}": hosts.enter_context(Scripted(asleep)).url for n in range(AT_ONCE + 2)}
        with (
            nightscout(patience, **sleepers, last=good.url) as source,
            closing(source.entries(DAY)) as pages,
        ):
            assert sites([next(pages)]) == {"last"}
        assert server.asked == []


def test_requests_are_made_at_once() -> None:
    together = threading.Barrier(3, timeout=10)

    def answer(handler: Handler) -> None:
        together.wait()
        loopback.documents()(handler)

    with ExitStack() as servers:
        urls = {site: servers.enter_context(Scripted(answer)).url for site in "abc"}
        with nightscout(Patience(timeout=20), **urls) as source:
            tables, unread = read(source)
    assert (len(tables), unread) == (3, [])


def test_a_host_of_many_people_is_asked_by_two_at_a_time() -> None:
    lock, now, most = threading.Lock(), [0], [0]
    pair = threading.Barrier(PER_HOST, timeout=10)

    def answer(handler: Handler) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        pair.wait()
        with lock:
            now[0] -= 1
        loopback.documents()(handler)

    with Scripted(answer) as server:
        urls = {f"s{number}": server.url for number in range(4 * PER_HOST)}
        with nightscout(Patience(timeout=20), **urls) as source:
            tables, _ = read(source)
    assert len(tables) == 4 * PER_HOST
    assert most == [PER_HOST]


def test_a_thousand_people_are_read_by_few_threads() -> None:
    seen: set[int] = set()

    def steps(number: int) -> Iterator[int | Pause]:
        seen.add(threading.get_ident())
        yield number
        yield Pause(0)
        yield -number

    readings = [Reading(str(n), str(n % 90), steps(n)) for n in range(1_000)]
    found = list(side_by_side(readings, lambda: None))
    assert len(found) == 2_000
    for name in ("0", "999"):
        assert [page for of, page in found if of == name] == [int(name), -int(name)]
    assert len(seen) <= AT_ONCE


def test_few_pages_are_read_ahead() -> None:
    made: list[int] = []

    def steps() -> Iterator[int | Pause]:
        for number in range(1_000):
            made.append(number)
            yield number

    with closing(side_by_side([Reading("a", "a", steps())], lambda: None)) as pages:
        for _ in range(100):
            next(pages)
        assert len(made) < 110


# Threads end


def open_requests(count: int, answer: Answer) -> Any:
    """So many servers, and an event that is set once each was asked."""
    asked = threading.Semaphore(0)

    def noted(handler: Handler) -> None:
        asked.release()
        answer(handler)

    servers = [Scripted(noted) for _ in range(count)]
    return servers, asked


@pytest.mark.parametrize("answer", [loopback.silence, loopback.fall_silent])
def test_no_thread_is_left_when_reading_is_given_up(answer: Answer) -> None:
    servers, asked = open_requests(3, answer)
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
        good = stack.enter_context(Scripted(loopback.documents(entry("b"))))
        urls = {f"s{n}": server.url for n, server in enumerate(servers)}
        with nightscout(Patience(timeout=60), **urls, good=good.url) as source:
            pages = source.entries(DAY)
            next(pages)
            for _ in servers:
                assert asked.acquire(timeout=10)
            pages.close()
            assert reading_threads() == []


def test_no_thread_is_left_after_an_error_that_nobody_expected() -> None:
    def steps(*, fails: bool) -> Iterator[int | Pause]:
        if fails:
            raise ZeroDivisionError
        yield from range(10_000)

    readings = [Reading(name, name, steps(fails=name == "b")) for name in "abc"]
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(readings, lambda: None))
    assert reading_threads() == []


def test_no_thread_is_left_when_all_is_read() -> None:
    with (
        Scripted(loopback.documents(entry("b"))) as server,
        nightscout(a=server.url, b=server.url) as source,
    ):
        read(source)
        assert reading_threads() == []
