"""The client of one person's Nightscout: every entry of a window, or an error."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity

from ingestion.answers import PATH, Failure, ask
from ingestion.exchange import BoundedAdapter
from ingestion.people import Patience, Person
from ingestion.spans import Span
from lakehouse import SourceError, Window

_MOST_REQUESTS = 1_000
"""Requests for one span and the halves that it is cut into, at most: some million entries."""


class _Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, BoundedAdapter())
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # none is kept
        self.auth = lambda request: request  # otherwise ~/.netrc is asked for a password

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect, as the secret would be sent along."""


@dataclass(frozen=True)
class Client:
    """Client that asks `person`'s server, `span` by `span`, for `count` entries at a time.

    The server silently cuts an answer to the newest `count` entries. So an answer with `count`
    entries is not trusted: the span is halved, and each half is asked for. Entries whose `date` is
    not a number are missing, as no query of the API returns them.
    """

    person: Person
    patience: Patience = field(default_factory=Patience)
    count: int = 10_000
    span: timedelta = timedelta(days=5)
    session: requests.Session = field(
        default_factory=_Session, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.person.secret is not None:
            secret = self.person.secret.get_secret_value().encode()
            digest = hashlib.sha1(secret, usedforsecurity=False)  # Nightscout compares digests
            self.session.headers["api-secret"] = digest.hexdigest()
        if self.person.token is not None:
            self.session.params = {"token": self.person.token.get_secret_value()}
            for name in ("urllib3.connection", "urllib3.connectionpool"):
                logging.getLogger(name).addFilter(_without_tokens)
        if urlsplit(self.person.url).hostname in ("127.0.0.1", "localhost", "::1"):
            self.session.trust_env = False  # no proxy leads to this machine

    def entries(self, window: Window) -> Iterator[list[Any]]:
        """Yield the entries of `window`, of every type, a list per answer, oldest span first.

        Raises SourceError as soon as one span cannot be fetched. For a dead server that takes
        `attempts` times the timeout and the waits between, about two minutes with the defaults;
        for any server, at most `patience.overall` and one exchange.
        """
        for span in Span.of(window).pieces(self.span):
            yield from self._complete(span)

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def _complete(self, span: Span) -> Iterator[list[Any]]:
        pending = [span]
        for _ in range(_MOST_REQUESTS):
            if not pending:
                return
            part = pending.pop()
            documents = self._ask(part)
            if len(documents) < self.count:
                yield documents
            elif part.length > 1:
                pending += reversed(part.halves())
            else:
                failure = Failure(
                    f"has {self.count} entries or more in one millisecond",
                    hint="its answer may be cut, and nothing smaller can be asked for",
                )
                raise self._error(part, failure)
        failure = Failure(
            f"gave no end of entries in {_MOST_REQUESTS:,} requests",
            hint="does the server heed the conditions on `date`?",
        )
        raise self._error(span, failure)

    def _ask(self, span: Span) -> list[Any]:
        patience = self.patience
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_result(_may_pass),
            stop=tenacity.stop_after_attempt(patience.attempts)
            | tenacity.stop_before_delay(patience.overall),
            wait=self._wait,
            retry_error_callback=_last_answer,
        )
        answer: list[Any] | Failure = attempts(
            ask, self.session, self.person, span, self.count, patience
        )
        if isinstance(answer, Failure):
            raise self._error(span, answer, tried=attempts.statistics["attempt_number"])
        return answer

    def _wait(self, state: tenacity.RetryCallState) -> float:
        answer = _last_answer(state)
        requested = answer.retry_after if isinstance(answer, Failure) else 0.0
        first, longest = self.patience.first_wait, self.patience.longest_wait
        growing = tenacity.wait_exponential(multiplier=first) + tenacity.wait_random(0, first)
        return min(max(requested, growing(state)), longest)

    def _error(self, span: Span, failure: Failure, tried: int = 1) -> SourceError:
        times = f", asked {tried} times" if tried > 1 else ""
        return SourceError(
            f"site {self.person.site!r}: {self.person.url}{PATH} {failure.message}{times},"
            f" for {span}",
            hint=failure.hint,
        )


def _may_pass(answer: list[Any] | Failure) -> bool:
    return isinstance(answer, Failure) and answer.passing


def _last_answer(state: tenacity.RetryCallState) -> list[Any] | Failure:
    assert state.outcome is not None
    answer: list[Any] | Failure = state.outcome.result()
    return answer


def _without_tokens(record: logging.LogRecord) -> bool:
    """Hide tokens in log records of the HTTP library, which logs whole addresses."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            re.sub(r"token=[^&\s]+", "token=…", part) if isinstance(part, str) else part
            for part in record.args
        )
    return True
