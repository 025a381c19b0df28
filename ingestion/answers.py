"""One request to Nightscout: it returns the documents of a span, or a failure with the reason."""

from __future__ import annotations

from typing import Any

import requests
from urllib3.exceptions import HTTPError, LocationValueError

from ingestion import failures, wholeness
from ingestion.documents import parse
from ingestion.exchange import Exchange, Exchanges
from ingestion.failures import NO_NIGHTSCOUT, PATH, Failure
from ingestion.people import Patience, Person
from ingestion.spans import Span

_ROW = 4_096
"""Bytes that an entry may take on average; usual entries take about 300."""
_LEAST = 1_000_000
"""Bytes that an answer may always have, however few entries were asked for."""
_VALUE = 32
"""Bytes of JSON per value, on average at least, as a value takes up to 100 bytes in memory."""
_STALEST = 600
"""Seconds that a cache may have kept an answer."""
_BLOCK = 1 << 16
"""Bytes read at a time."""


def ask(
    session: requests.Session,
    person: Person,
    span: Span,
    count: int,
    patience: Patience,
    exchanges: Exchanges,
) -> list[Any] | Failure:
    """Return the newest `count` entries of `span`, or the failure that prevented it.

    It takes no longer than `patience.exchange`, and memory in proportion to `count`. The request is
    one of `exchanges`, with which it can be cut.
    """
    try:
        with Exchange(patience.exchange, exchanges) as exchange:
            body = _get(session, person, span, count, patience.timeout)
    except (requests.RequestException, HTTPError, LocationValueError) as error:
        body = failures.of_error(error, patience.timeout)
    if exchange.is_over:
        return Failure(
            f"did not finish its answer within {patience.exchange:g} s",
            hint="`timeout` in [nightscout] of lakehouse.toml gives it longer",
        )
    if isinstance(body, Failure):
        return body
    documents = _documents(body, count)
    if isinstance(documents, Failure):
        return documents
    return wholeness.misfit(documents, span) or documents


def _get(
    session: requests.Session, person: Person, span: Span, count: int, timeout: float
) -> bytearray | Failure:
    with session.get(
        person.url + PATH,
        params={
            "count": str(count),
            "find[date][$gte]": str(span.start),
            "find[date][$lt]": str(span.end),
        },
        headers={"Accept-Encoding": "gzip", "Cache-Control": "no-cache"},
        timeout=timeout,
        stream=True,
    ) as response:
        if response.status_code != requests.codes.ok:
            return failures.of_response(person, response)
        if _age(response) > _STALEST:
            return Failure(
                f"answered from a cache, what was so {_age(response):,} s ago",
                hint="a cache in front of the server has to leave /api alone",
            )
        body, most = bytearray(), _most(count)
        while block := response.raw.read1(_BLOCK, decode_content=True):
            body += block
            if len(body) > most:
                return Failure(
                    f"answered more than {most:,} bytes for {count:,} entries", hint=NO_NIGHTSCOUT
                )
    return body


def _age(response: requests.Response) -> int:
    """Return for how many seconds a cache has kept an answer; 0 if it comes from the server."""
    age = response.headers.get("age", "")
    return int(age[:9]) if age.isascii() and age.isdecimal() else 0


def _most(count: int) -> int:
    """Return how many bytes an answer of `count` entries may have."""
    return _LEAST + count * _ROW


def _documents(body: bytearray, count: int) -> list[Any] | Failure:
    if sum(map(body.count, (b",", b"[", b"{"))) > _most(count) // _VALUE:
        return Failure(f"answered too many values for {count:,} entries", hint=NO_NIGHTSCOUT)
    try:
        documents = parse(body)
    except ValueError:
        kind = "HTML" if body.lstrip()[:1] == b"<" else "something that is no JSON"
        return Failure(
            f"answered {kind}",
            hint="is this the address of a Nightscout, or of a page in front of it?",
            passing=True,
        )
    if not isinstance(documents, list):
        return Failure("answered JSON that is no list", hint=NO_NIGHTSCOUT, passing=True)
    if len(documents) > count:
        return Failure(
            f"answered {len(documents):,} entries when asked for {count:,}:"
            " it does not heed `count`, so nobody can tell whether an answer is whole",
            hint=NO_NIGHTSCOUT,
        )
    return documents
