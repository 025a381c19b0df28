"""A client for a Trino server: it runs statements of several threads, and can cancel them.

Ibis' backend connects and runs a statement, also one that Ibis has no expression for. A table is
built by one statement of our own: Ibis' `create_table` needs three, and makes another table.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lakehouse.engines.interrupts import Interrupts
from lakehouse.engines.trino_errors import refusal
from lakehouse.errors import QueryError
from lakehouse.identity import NOBODY, Identity
from lakehouse.identity.access import Access
from lakehouse.identity.certificates import untrusted
from lakehouse.system import users

if TYPE_CHECKING:
    from lakehouse.engines.trino_backend import Cancellable

_SOURCE = "lakehouse"
_PORTS = {"http": 80, "https": 443}
_REFUSALS = {
    "401": "set LAKEHOUSE_TRINO_PASSWORD, or another credential that it takes",
    "403": "may this credential be used by this user? LAKEHOUSE_TRINO_USER names another",
}
"""What to do about an answer, by its status of HTTP."""
_TO_CONNECT = 10.0
"""Seconds that connecting may take."""
_PATIENCE = 30.0
"""Seconds that Trino may take to say how a statement fares, which it says every second or so."""


@dataclass(frozen=True)
class Answer:
    """The result of a statement."""

    names: list[str]
    types: list[str]
    """Trino's types of the columns."""
    rows: list[list[Any]]
    seconds: float
    """Seconds that the statement took, by Trino's clock."""


class Client:
    """Runs statements on the Trino server at a URL."""

    def __init__(
        self, url: str, identity: Identity = NOBODY, *, patience: float = _PATIENCE
    ) -> None:
        """`url` may name the user, whom `identity` proves to be.

        `patience` is how many seconds an answer may take; a statement may take any time.
        """
        parts = urlsplit(url)
        user = identity.user or parts.username
        if not user and not identity.names_user:
            user = users.current()
        self.place = f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"
        self._server = {
            "host": parts.hostname,
            "port": parts.port or _PORTS[parts.scheme],
            "http_scheme": parts.scheme,
            "user": user,  # None: whom the credential names
            "source": _SOURCE,
            "timezone": "UTC",
            "request_timeout": (min(_TO_CONNECT, patience), patience),
        }
        self._access = Access(identity, user or "")
        self._running: dict[int, Cancellable] = {}
        """Connections with a running statement, by thread."""
        self._lock = threading.Lock()
        self.interrupts = Interrupts("Trino")

    def run(self, sql: str, *, catalog: str | None = None, tags: Sequence[str] = ()) -> Answer:
        """Run a statement; names without a catalog belong to `catalog`. Raises QueryError.

        `tags`, such as a run and a table, appear in Trino's list of queries.
        """
        from trino.exceptions import Error, HttpError, TrinoConnectionError, TrinoQueryError

        from lakehouse.engines.trino_backend import Cancellable

        session = self._access.session()
        ibis = Cancellable().connect(
            **self._server, database=catalog, client_tags=list(tags), http_session=session
        )
        with self._lock:
            self._running[threading.get_ident()] = ibis
        try:
            cursor = ibis.raw_sql(sql)
            rows = cursor.fetchall()
        except TrinoQueryError as error:
            raise refusal(error, self.place) from None
        except HttpError as error:
            raise self._refused(str(error)) from None
        except (TrinoConnectionError, OSError) as error:
            raise self._unreachable(error) from None
        except Error as error:
            raise QueryError(f"Trino: {error}") from None
        finally:
            with self._lock:
                del self._running[threading.get_ident()]
            ibis.disconnect()
        columns = cursor.description or ()
        names = [column.name for column in columns]
        types = [str(column.type_code) for column in columns]
        if any("row(" in kind for kind in types):
            rows = [[*map(_named, row)] for row in rows]
        seconds = int((cursor.stats or {}).get("elapsedTimeMillis", 0)) / 1000
        return Answer(names, types, rows, seconds)

    def begin(self) -> Work:
        """Begin a piece of work, whose statements an interruption ends together."""
        return Work(self, self.interrupts.number)

    def interrupt(self) -> None:
        """Cancel the running statements of all threads; `run` raises QueryError in each of them."""
        with self._lock:
            self.interrupts.add()
            running = list(self._running.values())
        for ibis in running:
            ibis.cancel()

    def _unreachable(self, error: Exception) -> QueryError:
        if reason := untrusted(error):
            return QueryError(
                f"Trino at {self.place} has a certificate that is not trusted: {reason}",
                hint="name the file of its authority in LAKEHOUSE_TRINO_CA_FILE",
            )
        return QueryError(
            f"Trino at {self.place} does not answer ({type(error).__name__})",
            hint="is it running, and is LAKEHOUSE_TRINO_URL right?",
        )

    def _refused(self, told: str) -> QueryError:
        """The error for an answer that is no result, such as 'error 401: …'."""
        status = told[:9].removeprefix("error ")
        return QueryError(
            f"Trino at {self.place} refuses: HTTP {status}", hint=_REFUSALS.get(status, "")
        )


@dataclass(frozen=True)
class Work:
    """Several statements, none of which begins once they were interrupted."""

    client: Client
    since: int
    """Number of interruptions when the work began."""

    def run(self, sql: str, *, tags: Sequence[str] = ()) -> Answer:
        """Run a statement as the client does. Raises QueryError."""
        self.client.interrupts.require_none(self.since)
        return self.client.run(sql, tags=tags)


def _named(value: Any) -> Any:
    """A value whose structs are dicts; Trino's client has tuples that know their names."""
    if isinstance(value, list):
        return [*map(_named, value)]
    if isinstance(value, dict):
        return {key: _named(item) for key, item in value.items()}
    if isinstance(value, tuple):
        names = value.__annotations__["names"]
        return dict(zip(names, map(_named, value), strict=True))
    return value
