"""One request: the documents of a span, or why there are none.

Failures are values here, so that nothing keeps hold of an exception of the HTTP library: those
carry the whole address that was called, and a token is part of it.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError, LocationValueError, ReadTimeoutError

from ingestion.documents import parse
from ingestion.people import Person
from ingestion.spans import Span

PATH = "/api/v1/entries.json"
SLOWEST = 10
"""An answer may take this many times the longest silence, as a whole."""

_PASSING = {408, 425, 429}
_SERVER_ERROR = 500
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Failure:
    """Why a request brought nothing, and what to do; `passing` if it may work when repeated.

    `retry_after` is how many seconds the server asked to be left alone.
    """

    message: str
    hint: str = ""
    passing: bool = False
    retry_after: float = 0.0


def ask(
    session: requests.Session, person: Person, span: Span, count: int, timeout: float
) -> list[Any] | Failure:
    """The newest `count` entries of `span`, or why there are none.

    `timeout` is in seconds and bounds every silence: one to connect, and each one after it. A
    body that trickles in is left after `SLOWEST` times as long.
    """
    try:
        return _get(session, person, span, count, timeout)
    except (requests.Timeout, ReadTimeoutError):
        return Failure(
            f"said nothing for {timeout:g} s",
            hint="is the server up? `timeout` in [nightscout] of lakehouse.toml gives it longer",
            passing=True,
        )
    except requests.ConnectionError as error:
        return _no_connection(error)
    except (requests.RequestException, LocationValueError) as error:
        return Failure(f"cannot be called ({type(error).__name__})", hint="check the address")
    except HTTPError:
        return Failure("broke off its answer", hint="the log of the server says why", passing=True)


def _get(
    session: requests.Session, person: Person, span: Span, count: int, timeout: float
) -> list[Any] | Failure:
    longest = SLOWEST * timeout
    until = time.monotonic() + longest
    with session.get(
        person.url + PATH,
        params={
            "count": str(count),
            "find[date][$gte]": str(span.start),
            "find[date][$lt]": str(span.end),
        },
        timeout=timeout,
        stream=True,
    ) as response:
        if response.status_code != requests.codes.ok:
            return _refusal(person, response)
        body = bytearray()
        while block := response.raw.read1(_BLOCK, decode_content=True):
            body += block
            if time.monotonic() > until:
                return Failure(
                    f"did not finish its answer within {longest:g} s",
                    hint="`timeout` in [nightscout] of lakehouse.toml gives it longer",
                )
    return _documents(bytes(body))


def _documents(body: bytes) -> list[Any] | Failure:
    try:
        documents = parse(body)
    except ValueError:
        kind = "HTML" if body.lstrip()[:1] == b"<" else "something that is no JSON"
        return Failure(
            f"answered {kind}",
            hint="is this the address of a Nightscout, or of a page in front of it?",
            passing=True,
        )
    if isinstance(documents, list):
        return documents
    return Failure(
        "answered JSON that is no list", hint="is this the address of a Nightscout?", passing=True
    )


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
        return Failure("is not there (404)", hint="is this the address of a Nightscout?")
    return Failure(
        f"answered with status {status}",
        hint="the log of the server says why",
        passing=status in _PASSING or status >= _SERVER_ERROR,
        retry_after=_seconds(response.headers.get("retry-after", "")),
    )


def _moved(person: Person, location: str) -> Failure:
    try:
        there = urlsplit(urljoin(person.url + PATH, location))
        # No password, no query, and nothing a terminal would act upon.
        host = re.sub(r"[^\w.:\[\]-]", "", there.netloc.rpartition("@")[2])
        path = re.sub(r"[^\w./~-]", "", there.path.removesuffix(PATH))
        address = f"{there.scheme}://{host}{path}"
    except ValueError:
        address = "an address that is none"
    return Failure(
        f"redirects to {address}", hint=f"set the address of site {person.site!r} to the new one"
    )


def _no_connection(error: requests.ConnectionError) -> Failure:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Failure("has a certificate that is not trusted", hint="repair the certificate")
    return Failure(
        "cannot be reached", hint="is the address right, and the server up?", passing=True
    )


def _seconds(retry_after: str) -> float:
    if retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        at = parsedate_to_datetime(retry_after)
        return max(0.0, (at.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return 0.0
