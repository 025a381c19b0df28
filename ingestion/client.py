"""The client of one person's Nightscout: every entry of a window, or an error."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import re
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from itertools import count
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies

from ingestion import wholeness
from ingestion.answers import ask
from ingestion.exchange import BoundedAdapter, Exchanges
from ingestion.failures import PATH, Failure
from ingestion.people import Patience, Person
from ingestion.side_by_side import Pause
from ingestion.spans import Span
from lakehouse import SourceError, Window

_MOST_REQUESTS = 1_000
"""Requests for one span and the parts that it is cut into, at most: some million entries."""
_MOST_DOUBLINGS = 16
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")

Steps: TypeAlias = Iterator[list[Any] | Pause]
"""Answers, and pauses to make between requests."""


class _Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, BoundedAdapter())
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # none is kept
        # Otherwise ~/.netrc adds a password, and REQUESTS_CA_BUNDLE goes before the person's file.
        self.trust_env = False

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect, as the secret would be sent along."""


class _Readers:
    """The readers of one session, which closes its connections when the last one has left.

    A connection that is kept takes a file descriptor, of which there are fewer than people.
    """

    def __init__(self) -> None:
        self._lock, self._number = threading.Lock(), 0

    @contextmanager
    def one_more(self, session: requests.Session) -> Iterator[None]:
        with self._lock:
            self._number += 1
        try:
            yield
        finally:
            with self._lock:
                self._number -= 1
                if self._number == 0:
                    session.close()


@dataclass(frozen=True)
class Client:
    """Client that asks `person`'s server, `span` by `span`, for `count` entries at a time.

    A server may cut an answer to its newest entries, and does not say so. So an answer that may be
    cut is not trusted: what lies below its oldest entry is asked for. Entries whose `date` is not a
    number are missing, as no query of the API returns them.
    """

    person: Person
    patience: Patience = field(default_factory=Patience)
    count: int = 10_000
    span: timedelta = timedelta(days=5)
    session: requests.Session = field(
        default_factory=_Session, init=False, repr=False, compare=False
    )
    readers: _Readers = field(default_factory=_Readers, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.person.secret is not None:
            self.session.headers["api-secret"] = _digest(self.person.secret.get_secret_value())
        if self.person.token is not None:
            self.session.params = {"token": self.person.token.get_secret_value()}
            for name in ("urllib3.connection", "urllib3.connectionpool"):
                logging.getLogger(name).addFilter(_without_tokens)
        self.session.verify = self.person.ca_file or True
        if not _is_this_machine(urlsplit(self.person.url).hostname or ""):
            self.session.proxies.update(get_environ_proxies(self.person.url))

    @property
    def host(self) -> str:
        """The host and port of the server."""
        return urlsplit(self.person.url).netloc.lower()

    def entries(self, window: Window) -> Iterator[list[Any]]:
        """Yield the entries of `window`, of every type, a list per answer, oldest span first.

        Raises SourceError as soon as one span cannot be fetched. For a dead server that takes
        `attempts` times the timeout and the waits between, or `wake_timeout` if that is longer,
        about two minutes with the defaults; for any server, at most `patience.overall` and one
        exchange.
        """
        for step in self.steps(window, Exchanges()):
            if isinstance(step, Pause):
                time.sleep(step.seconds)
            else:
                yield step

    def steps(self, window: Window, exchanges: Exchanges) -> Steps:
        """Yield the same, and a pause wherever one is to be made; requests are of `exchanges`."""
        with self.readers.one_more(self.session):
            for span in Span.of(window).pieces(self.span):
                yield from self._complete(span, exchanges)

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def _complete(self, span: Span, exchanges: Exchanges) -> Steps:
        pending: list[tuple[Span, list[Any]]] = [(span, [])]
        for _ in range(_MOST_REQUESTS):
            if not pending:
                return
            part, known = pending.pop()
            documents = yield from self._ask(part, exchanges)
            if part.length == 1 and len(documents) >= self.count:
                raise self._error(part, _full_millisecond(self.count))
            if part.length == 1 or not wholeness.may_be_cut(documents, self.count):
                yield _without(known, documents)
            elif (below := wholeness.rest(documents, part)) is not None:
                yield _without(known, documents)
                pending.append((below, [row for row in documents if _is_from(below, row)]))
            else:
                pending += [(half, []) for half in reversed(part.halves())]
        failure = Failure(
            f"gave no end of entries in {_MOST_REQUESTS:,} requests",
            hint="does the server heed the conditions on `date`?",
        )
        raise self._error(span, failure)

    def _ask(self, span: Span, exchanges: Exchanges) -> Generator[Pause, None, list[Any]]:
        """Return the answer for a span, after as many attempts as patience allows."""
        began = time.monotonic()
        for attempt in count(1):
            answer = ask(self.session, self.person, span, self.count, self.patience, exchanges)
            if not isinstance(answer, Failure):
                return answer
            pause = self._pause(answer, attempt, time.monotonic() - began)
            if pause is None:
                raise self._error(span, answer, tried=attempt)
            yield Pause(pause)
        raise AssertionError

    def _pause(self, failure: Failure, attempt: int, seconds: float) -> float | None:
        """Return how long to wait before the next attempt; None if there is to be none.

        `seconds` have passed since the first. A server that may be starting is given time, however
        many attempts that takes.
        """
        patience = self.patience
        if not failure.passing or patience.attempts == 1:
            return None
        growing = patience.first_wait * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
        wait = min(max(failure.retry_after, growing), patience.longest_wait)
        if attempt < patience.attempts and seconds + wait < patience.overall:
            return wait
        left = patience.wake_timeout - seconds
        return min(wait, left) if failure.waking and left > 0 else None

    def _error(self, span: Span, failure: Failure, tried: int = 1) -> SourceError:
        times = f", asked {tried} times" if tried > 1 else ""
        return SourceError(
            f"site {self.person.site!r}: {self.person.url}{PATH} {failure.message}{times},"
            f" for {span}",
            hint=failure.hint,
        )


def _digest(secret: str) -> str:
    """Return the SHA-1 of a secret, which is what Nightscout compares; it may be given as such."""
    if _SHA1.fullmatch(secret):
        return secret.lower()
    return hashlib.sha1(secret.encode(), usedforsecurity=False).hexdigest()


def _is_this_machine(host: str) -> bool:
    """Return whether a host is this machine, to which no proxy leads."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _full_millisecond(count: int) -> Failure:
    return Failure(
        f"has {count} entries or more in one millisecond",
        hint="its answer may be cut, and nothing smaller can be asked for",
    )


def _is_from(span: Span, document: Any) -> bool:
    date = wholeness.date_of(document)
    return date is not None and date in span


def _without(known: list[Any], documents: list[Any]) -> list[Any]:
    """Return the documents but for those that an earlier answer had."""
    return [document for document in documents if document not in known] if known else documents


def _without_tokens(record: logging.LogRecord) -> bool:
    """Hide tokens in log records of the HTTP library, which logs whole addresses."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            re.sub(r"token=[^&\s]+", "token=…", part) if isinstance(part, str) else part
            for part in record.args
        )
    return True
