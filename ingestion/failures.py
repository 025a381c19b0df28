"""Reasons why a request to Nightscout failed, in words that say what to do.

Failures are values, so that no exception of the HTTP library is kept: those hold the whole address
of the request, and a token is part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import requests
from requests.exceptions import InvalidHeader
from urllib3.exceptions import DecodeError, ProtocolError, ReadTimeoutError

from ingestion.certificates import certificate_fault
from ingestion.people import Person

PATH = "/api/v1/entries.json"
NO_NIGHTSCOUT = "is this the address of a Nightscout?"

_PASSING = {408, 425, 429}
"""Statuses below 500 with which a repeated request may succeed."""
_WAKING = {502, 503, 504, 520, 521, 522, 523, 524, 530}
"""Statuses of something in front of a server that sleeps or starts; from 520 on Cloudflare's."""
_SERVER_ERROR = 500
_PEEK = 1 << 10
"""Bytes that are read of the body of a refusal."""


@dataclass(frozen=True)
class Failure:
    """The reason why a request failed, and a hint; `passing` if it may succeed when repeated.

    `waking` says that the server may be starting, which takes longer than faults that pass.
    `retry_after` is how many seconds the server asks to wait before that.
    """

    message: str
    hint: str = ""
    passing: bool = False
    waking: bool = False
    retry_after: float = 0.0


def of_error(error: Exception, timeout: float) -> Failure:
    """Return the failure that an error of the HTTP library means."""
    if isinstance(error, requests.Timeout | ReadTimeoutError):
        return Failure(
            f"said nothing for {timeout:g} s",
            hint="is the server up, and its database?"
            " `timeout` in [nightscout] of lakehouse.toml gives it longer",
            passing=True,
        )
    causes = [*_causes(error)]
    if fault := certificate_fault(causes):
        return Failure(*fault)
    # A host that starts refuses connections, or accepts one and drops it.
    is_waking = any(isinstance(cause, ConnectionError) for cause in causes)
    cause = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else error
    if isinstance(cause, ProtocolError | DecodeError | InvalidHeader):
        return Failure(
            "broke off its answer, or sent none that can be read",
            hint="the log of the server says why",
            passing=True,
            waking=is_waking,
        )
    if "WRONG_VERSION_NUMBER" in str(error):
        return Failure("does not speak TLS", hint="is it http:// instead of https://?")
    if isinstance(error, requests.ConnectionError):
        return Failure(
            "cannot be reached",
            hint="is the address right, and the server up?",
            passing=True,
            waking=is_waking,
        )
    return Failure(f"cannot be called ({type(error).__name__})", hint="check the address")


def of_response(person: Person, response: requests.Response) -> Failure:
    """Return the failure that a status other than 200 means. It reads some of the body."""
    status = response.status_code
    if response.is_redirect:
        return _moved(person, response.headers["location"])
    if status in (requests.codes.unauthorized, requests.codes.forbidden):
        return _refused(person, response)
    if status == requests.codes.not_found:
        return Failure("is not there (404)", hint=NO_NIGHTSCOUT)
    return Failure(
        f"answered with status {status}",
        hint="the log of the server says why",
        passing=status in _PASSING or status >= _SERVER_ERROR,
        waking=status in _WAKING,
        retry_after=_seconds(response.headers.get("retry-after", "")),
    )


def _refused(person: Person, response: requests.Response) -> Failure:
    """Return the failure of a server, or of something in front of it, that lets nobody read."""
    status = response.status_code
    if front := _in_front(response):
        return Failure(
            f"is kept from us by {front} in front of it ({status})",
            hint="have that let this machine through to /api; no credential of Nightscout helps",
        )
    secret, token = person.variables
    has_credential = person.secret is not None or person.token is not None
    if status == requests.codes.forbidden:
        hint = "give the token a role that may read, such as `readable`"
        return Failure(
            "does not allow reading (403)",
            hint=hint if has_credential else f"set {secret} or {token}",
        )
    if has_credential:
        return Failure("refuses the credential (401)", hint=f"check {secret} or {token}")
    return Failure("asks for a credential (401), and none is set", hint=f"set {secret} or {token}")


def _in_front(response: requests.Response) -> str:
    """Return what has refused in place of Nightscout, which answers JSON; empty if it did."""
    if "cloudflare" in response.headers.get("server", "").lower():
        return "Cloudflare"
    if "basic" in response.headers.get("www-authenticate", "").lower():
        return "a server that wants a password"
    body = response.raw.read1(_PEEK, decode_content=True)
    is_page = (
        "html" in response.headers.get("content-type", "").lower() or body.lstrip()[:1] == b"<"
    )
    return "another server" if is_page else ""


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


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all errors behind it; the HTTP libraries hide them in four places."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        cause = pending.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            pending += [cause.__cause__, cause.__context__, *cause.args]
            pending.append(getattr(cause, "reason", None))
