"""One request to Nightscout: it returns the documents of a span, or a failure with the reason.

Failures are values, so that no exception of the HTTP library is kept: those hold the whole address
of the request, and a token is part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.exceptions import InvalidHeader
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    LocationValueError,
    ProtocolError,
    ReadTimeoutError,
)

from ingestion.documents import parse
from ingestion.exchange import Exchange
from ingestion.people import Patience, Person
from ingestion.spans import Span

PATH = "/api/v1/entries.json"
_ROW = 4_096
"""Bytes that an entry may take on average; usual entries take about 300."""
_LEAST = 1_000_000
"""Bytes that an answer may always have, however few entries were asked for."""
_VALUE = 32
"""Bytes of JSON per value, on average at least, as a value takes up to 100 bytes in memory."""

_PASSING = {408, 425, 429}
"""Statuses below 500 with which a repeated request may succeed."""
_SERVER_ERROR = 500
_BLOCK = 1 << 16
"""Bytes read at a time."""
_NO_NIGHTSCOUT = "is this the address of a Nightscout?"


@dataclass(frozen=True)
class Failure:
    """The reason why a request failed, and a hint; `passing` if it may succeed when repeated.

    `retry_after` is how many seconds the server asks to wait before that.
    """

    message: str
    hint: str = ""
    passing: bool = False
    retry_after: float = 0.0


def ask(
    session: requests.Session, person: Person, span: Span, count: int, patience: Patience
) -> list[Any] | Failure:
    """Return the newest `count` entries of `span`, or the failure that prevented it.

    It takes no longer than `patience.exchange`, and memory in proportion to `count`.
    """
    try:
        with Exchange(patience.exchange) as exchange:
            body = _get(session, person, span, count, patience.timeout)
    except (requests.RequestException, HTTPError, LocationValueError) as error:
        body = _broken(error, patience.timeout)
    if exchange.is_over:
        return Failure(
            f"did not finish its answer within {patience.exchange:g} s",
            hint="`timeout` in [nightscout] of lakehouse.toml gives it longer",
        )
    return body if isinstance(body, Failure) else _documents(body, count)


def _broken(error: Exception, timeout: float) -> Failure:
    """Return the failure that an error of the HTTP library means."""
    if isinstance(error, requests.Timeout | ReadTimeoutError):
        return Failure(
            f"said nothing for {timeout:g} s",
            hint="is the server up? `timeout` in [nightscout] of lakehouse.toml gives it longer",
            passing=True,
        )
    cause = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else error
    if isinstance(cause, ProtocolError | DecodeError | InvalidHeader):
        return Failure(
            "broke off its answer, or sent none that can be read",
            hint="the log of the server says why",
            passing=True,
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Failure("has a certificate that is not trusted", hint="repair the certificate")
    if isinstance(error, requests.ConnectionError):
        return Failure(
            "cannot be reached", hint="is the address right, and the server up?", passing=True
        )
    return Failure(f"cannot be called ({type(error).__name__})", hint="check the address")


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
        headers={"Accept-Encoding": "gzip"},
        timeout=timeout,
        stream=True,
    ) as response:
        if response.status_code != requests.codes.ok:
            return _refusal(person, response)
        body, most = bytearray(), _most(count)
        while block := response.raw.read1(_BLOCK, decode_content=True):
            body += block
            if len(body) > most:
                return Failure(
                    f"answered more than {most:,} bytes for {count:,} entries", hint=_NO_NIGHTSCOUT
                )
    return body


def _most(count: int) -> int:
    """Return how many bytes an answer of `count` entries may have."""
    return _LEAST + count * _ROW


def _documents(body: bytearray, count: int) -> list[Any] | Failure:
    if sum(map(body.count, (b",", b"[", b"{"))) > _most(count) // _VALUE:
        return Failure(f"answered too many values for {count:,} entries", hint=_NO_NIGHTSCOUT)
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
        return Failure("answered JSON that is no list", hint=_NO_NIGHTSCOUT, passing=True)
    if len(documents) > count:
        return Failure(
            f"answered {len(documents):,} entries when asked for {count:,}:"
            " it does not heed `count`, so nobody can tell whether an answer is whole",
            hint=_NO_NIGHTSCOUT,
        )
    return documents


def _refusal(person: Person, response: requests.Response) -> Failure:
    status = response.status_code
    if response.is_redirect:
        return _moved(person, response.headers["location"])
    if status == requests.codes.unauthorized:
        secret, token = person.variables
        return Failure("refuses the credential (401)", hint=f"check {secret} or {token}")
    if status == requests.codes.forbidden:
        return Failure("does not allow reading (403)", hint="give the token a role that may read")
    if status == requests.codes.not_found:
        return Failure("is not there (404)", hint=_NO_NIGHTSCOUT)
    return Failure(
        f"answered with status {status}",
        hint="the log of the server says why",
        passing=status in _PASSING or status >= _SERVER_ERROR,
        retry_after=_seconds(response.headers.get("retry-after", "")),
    )


def _moved(person: Person, location: str) -> Failure:
    try:
        target = urlsplit(urljoin(person.url + PATH, location))
        # Leave out passwords, the query, and characters that a terminal would act upon.
        host = re.sub(r"[^\w.:\[\]-]", "", target.netloc.rpartition("@")[2])
        path = re.sub(r"[^\w./~-]", "", target.path.removesuffix(PATH))
        address = f"{target.scheme}://{host}{path}"
    except ValueError:
        address = "an address that is none"
    return Failure(
        f"redirects to {address}", hint=f"set the address of site {person.site!r} to the new one"
    )


def _seconds(retry_after: str) -> float:
    if retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        at = parsedate_to_datetime(retry_after)
        return max(0.0, (at.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return 0.0
