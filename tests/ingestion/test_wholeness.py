"""An answer fits its question: no entry of another time, and none is left out without a word."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import loopback
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Answer, Handler, Scripted

from ingestion.client import Client
from ingestion.people import Patience, Person
from ingestion.query import Query, read
from ingestion.replay import Documents
from ingestion.spans import Span
from ingestion.wholeness import may_be_cut
from lakehouse import SourceError, Window

START = datetime(2024, 3, 15, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
MS = int(START.timestamp() * 1000)
MINUTE = 60_000
ONCE = Patience(timeout=5, attempts=1)
ANOTHER_TIME = r"answered entries of another time: it does not heed `find\[date\]`"


def entries(count: int, step: int = MINUTE, first: int = MS) -> list[dict[str, Any]]:
    return [
        {"_id": f"{first + n * step:x}", "type": "sgv", "date": first + n * step, "sgv": 100}
        for n in range(count)
    ]


def answering(find: Callable[[Query], list[Any]]) -> Answer:
    """The answers of a server that finds documents in its own way."""

    def answer(handler: Handler) -> None:
        query = read(handler.path)
        assert query is not None
        handler.send(200, orjson.dumps(find(query)))

    return answer


def fetch(server: Scripted, window: Window = DAY, **options: Any) -> list[Any]:
    with closing(Client(Person("anna", server.url), ONCE, **options)) as client:
        return [document for page in client.entries(window) for document in page]


def refused(answer: Answer, match: str, window: Window = DAY) -> None:
    with Scripted(answer) as server, pytest.raises(SourceError, match=match) as raised:
        fetch(server, window)
    assert raised.value.hint


def by_date(documents: list[Any]) -> list[Any]:
    return sorted(documents, key=lambda document: str(document["date"]))


# Servers that do not heed the question


@pytest.mark.parametrize("moved", [-1, 24 * 60 * MINUTE, 365 * 24 * 60 * MINUTE])
def test_an_entry_of_another_time_is_an_error(moved: int) -> None:
    refused(loopback.documents(*entries(3), *entries(1, first=MS + moved)), ANOTHER_TIME)


def test_a_server_that_ignores_find_is_an_error() -> None:
    everything = Documents(entries(9, step=12 * 60 * MINUTE))
    refused(answering(lambda query: everything.find(Query(query.count))), ANOTHER_TIME)


@pytest.mark.parametrize("edge", ["start", "end"])
def test_a_server_that_ignores_one_edge_is_an_error(edge: str) -> None:
    everything = Documents(entries(9, step=12 * 60 * MINUTE, first=MS - 48 * 60 * MINUTE))

    def find(query: Query) -> list[Any]:
        start, end = query.start, query.end
        return everything.find(
            Query(
                query.count, start=start if edge == "end" else 0, end=end if edge != "end" else 9e15
            )
        )

    refused(answering(find), ANOTHER_TIME)


def test_a_server_that_ignores_find_and_has_today_alone_is_found_out_by_its_round_number() -> None:
    newest = Documents(entries(1440))
    refused(answering(lambda _: newest.find(Query(100))), ANOTHER_TIME)


def test_a_server_that_repeats_its_first_answer_is_an_error() -> None:
    week = Window(START, START + timedelta(days=7))
    refused(loopback.documents(*entries(3)), ANOTHER_TIME, week)


@pytest.mark.parametrize("age", [601, 10**8])
def test_an_answer_of_a_stale_cache_is_an_error(age: int) -> None:
    refused(loopback.body(b"[]", Age=str(age)), f"answered from a cache, what was so {age:,} s ago")


@pytest.mark.parametrize("age", ["0", "600", "", "-7", "soon", "²"])
def test_a_fresh_cache_does_no_harm(age: str) -> None:
    with Scripted(loopback.body(b"[]", Age=age.encode().decode("latin-1"))) as server:
        assert fetch(server) == []


def test_caches_are_asked_to_ask_the_server() -> None:
    with Scripted(loopback.documents()) as server:
        fetch(server)
    assert server.headers[0]["cache-control"] == "no-cache"


@pytest.mark.parametrize("date", [MS // 1000, MS * 1000, MS * 10**6, 0, -1, 7.5, 10**13])
def test_a_date_that_no_reading_can_have_is_no_other_time(date: float) -> None:
    odd = {"_id": "a", "date": date}
    with Scripted(loopback.documents(odd)) as server:
        assert fetch(server) == [odd]


@pytest.mark.parametrize("date", [None, True, "2024-03-15T01:00:00Z", [], {}])
def test_what_is_no_date_is_no_other_time(date: Any) -> None:
    with Scripted(loopback.documents({"_id": "a", "date": date}, 7)) as server:
        assert fetch(server) == [{"_id": "a", "date": date}, 7]


def test_dates_in_seconds_are_found_in_1970() -> None:
    """A real server compares numbers, so a window of today finds none of them."""
    stored = Documents([{"_id": "a", "date": MS // 1000, "sgv": 100}])
    then = Window(datetime(1970, 1, 20, tzinfo=UTC), datetime(1970, 1, 21, tzinfo=UTC))
    with Scripted(answering(stored.find)) as server:
        assert fetch(server) == []
        assert [found["_id"] for found in fetch(server, then)] == ["a"]


# Answers that are cut


@pytest.mark.parametrize("found", [10, 50, 64, 100, 250, 500, 1000, 1024, 2048, 5000, 9999])
def test_the_limit_of_a_server_is_noticed(found: int) -> None:
    assert may_be_cut([None] * found, min(found, 9999))


@pytest.mark.parametrize("found", [0, 1, 9, 11, 12, 24, 32, 144, 288, 289, 576, 864, 1440, 9998])
def test_usual_numbers_are_not_suspected(found: int) -> None:
    assert not may_be_cut([None] * found, 9999)


def test_a_day_of_a_usual_server_takes_one_request() -> None:
    with Scripted(answering(Documents(entries(288, step=5 * MINUTE)).find)) as server:
        assert len(fetch(server)) == 288
    assert len(server.asked) == 1


def test_a_round_number_takes_one_more_request() -> None:
    every = entries(100)
    with Scripted(answering(Documents(every).find)) as server:
        assert by_date(fetch(server)) == every
    assert len(server.asked) == 2


@pytest.mark.sample(2)
@pytest.mark.parametrize("limit", [10, 100, 128, 500, 1000])
def test_a_server_with_a_limit_of_its_own_loses_nothing(limit: int) -> None:
    every = entries(min(1440, 9 * limit))

    def find(query: Query) -> list[Any]:
        return Documents(every).find(query)[:limit]

    with Scripted(answering(find)) as server:
        assert by_date(fetch(server)) == every


@pytest.mark.parametrize("limit", [100, 1000])
def test_a_server_that_gives_the_oldest_loses_nothing(limit: int) -> None:
    every = entries(limit + 50)

    def find(query: Query) -> list[Any]:
        return Documents(every).find(query)[::-1][:limit]

    with Scripted(answering(find)) as server:
        assert by_date(fetch(server)) == every


@pytest.mark.long
@settings(deadline=None, max_examples=25)
@given(
    dates=st.lists(st.integers(MS, MS + 200) | st.floats(MS, MS + 200), max_size=120),
    limit=st.sampled_from([10, 50, 64, 100]),
)
def test_whatever_the_times_are_each_entry_comes_once(dates: list[float], limit: int) -> None:
    every = [{"_id": str(place), "date": date} for place, date in enumerate(dates)]
    crowd = max((sum(int(date) == other for date in dates) for other in map(int, dates)), default=0)

    def find(query: Query) -> list[Any]:
        return Documents(every).find(query)[:limit]

    with Scripted(answering(find)) as server:
        found = fetch(server, count=limit)
    if crowd < limit:
        assert by_date(found) == by_date(every)


def test_a_span_is_asked_below_the_millisecond_of_the_oldest_entry() -> None:
    every = entries(100)
    with Scripted(answering(Documents(every).find)) as server:
        fetch(server)
    end = int(server.asked[1]["find[date][$lt]"])
    assert Span(MS, end) == Span(MS, every[0]["date"] + 1)
