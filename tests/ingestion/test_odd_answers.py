"""Answers as servers, hosts and what stands in front of them give them, and what comes of each."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import loopback
import pytest
from loopback import Answer, Scripted

from ingestion.client import Client
from ingestion.people import Patience, Person
from lakehouse import SourceError, Window

START = datetime(2024, 3, 15, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
MS = int(START.timestamp() * 1000)
BRIEF = Patience(timeout=5, attempts=2, first_wait=0.001, longest_wait=0.002, wake_timeout=0.01)
HTML = {"Content_Type": "text/html; charset=utf-8"}
JSON = {"Content_Type": "application/json; charset=utf-8"}


@dataclass(frozen=True)
class Recorded:
    """An answer, what an error says of it, and whether it is asked for again."""

    status: int
    body: bytes
    says: str
    headers: dict[str, str] = field(default_factory=dict)
    is_repeated: bool = False

    @property
    def answer(self) -> Answer:
        return loopback.other(self.status, self.body, **self.headers)


REFUSALS = {
    "nightscout, wrong secret": Recorded(
        401,
        b'{"status":401,"message":"Unauthorized","description":"Invalid/Missing"}',
        "asks for a credential (401), and none is set",
        JSON,
    ),
    "nightscout, mongo is unhappy": Recorded(
        500,
        b'{"status":500,"message":"Mongo Error","description":{"name":"MongoServerError"}}',
        "answered with status 500",
        JSON,
        is_repeated=True,
    ),
    "nightscout, not for you": Recorded(
        403, b'{"status":403,"message":"Forbidden"}', "does not allow reading (403)", JSON
    ),
    "an answer of API v3": Recorded(
        200, b'{"status":200,"result":[]}', "answered JSON that is no list", JSON, is_repeated=True
    ),
    "heroku, no such app": Recorded(
        404, b"<!DOCTYPE html><title>No such app</title>", "is not there (404)", HTML
    ),
    "heroku, application error": Recorded(
        503,
        b"<!DOCTYPE html><title>Application Error</title>",
        "answered with status 503",
        HTML,
        is_repeated=True,
    ),
    "render, waking": Recorded(
        502, b"<html>Bad Gateway</html>", "answered with status 502", HTML, is_repeated=True
    ),
    "glitch, waking": Recorded(
        200, b"<!doctype html><p>Waking up", "answered HTML", HTML, is_repeated=True
    ),
    "cloudflare, bot check": Recorded(
        403,
        b"<!DOCTYPE html><title>Just a moment...</title>",
        "is kept from us by Cloudflare in front of it (403)",
        {**HTML, "Server": "cloudflare", "cf-mitigated": "challenge"},
    ),
    "cloudflare, server is down": Recorded(
        521, b"error code: 521", "answered with status 521", is_repeated=True
    ),
    "nginx, password": Recorded(
        401,
        b"<html><head><title>401 Authorization Required</title></head></html>",
        "is kept from us by a server that wants a password in front of it (401)",
        {**HTML, "WWW-Authenticate": 'Basic realm="ns"'},
    ),
    "a parked domain": Recorded(
        200, b"<html>This domain is for sale", "answered HTML", HTML, is_repeated=True
    ),
    "a login page": Recorded(302, b"", "redirects to http", {"Location": "/login"}),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_told_by_what_it_is(name: str) -> None:
    recorded = REFUSALS[name]
    with (
        Scripted(recorded.answer) as server,
        closing(Client(Person("anna", server.url), BRIEF)) as client,
        pytest.raises(SourceError) as raised,
    ):
        list(client.entries(DAY))
    assert recorded.says in raised.value.message
    assert raised.value.message.startswith("site 'anna': ")
    assert raised.value.hint
    assert (len(server.asked) > 1) == recorded.is_repeated


GOOD = {"_id": "a", "type": "sgv", "date": MS, "sgv": 100}
DOCUMENTS = {
    "xdrip, a fraction of a millisecond": f'{{"_id":"b","date":{MS}.9592,"sgv":122.5}}',
    "loader, no type": f'{{"_id":"b","date":{MS},"sgv":121}}',
    "trio, a UUID": f'{{"_id":"0B1C2D3E-0000-4000-8000-000000000000","date":{MS},"sgv":"121"}}',
    "python, NaN": f'{{"_id":"b","type":"sgv","date":{MS},"sgv":NaN}}',
    "python, infinity in a field nobody needs": f'{{"_id":"b","date":{MS},"noise":-Infinity}}',
    "a date in seconds": f'{{"_id":"b","type":"sgv","date":{MS // 1000},"sgv":100}}',
    "a date as text": f'{{"_id":"b","type":"sgv","date":"{MS}","sgv":100}}',
    "no date": '{"_id":"b","type":"sgv","sgv":100}',
    "a calibration": f'{{"_id":"b","type":"cal","date":{MS},"slope":850.5}}',
    "deleted through v3": f'{{"_id":"b","type":"sgv","date":{MS},"sgv":1,"isValid":false}}',
    "half an emoji": f'{{"_id":"b","date":{MS},"device":"\\ud83d"}}',
    "a number beyond a double": f'{{"_id":"b","date":{MS},"filtered":1e999}}',
    "no document": "null",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_odd_document_costs_no_other(name: str) -> None:
    body = f"[{json.dumps(GOOD)},{DOCUMENTS[name]}]".encode()
    with (
        Scripted(loopback.body(body, **JSON)) as server,
        closing(Client(Person("anna", server.url), BRIEF)) as client,
    ):
        found: list[Any] = [one for page in client.entries(DAY) for one in page]
    assert found[0] == GOOD
    assert len(found) == 2
