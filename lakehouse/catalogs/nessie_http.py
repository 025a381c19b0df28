"""What pynessie cannot ask of a Nessie server: version 2 of its REST API.

pynessie speaks version 1, which lists tables without their metadata files, and merges without a
message, an author or properties.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import requests

from lakehouse.catalogs.nessie_errors import NOT_LET_IN, not_nessie, refused, unanswered
from lakehouse.identity.access import Access

_TO_CONNECT = 5.0
"""Seconds that connecting may take."""
_PATIENCE = 60.0
"""Seconds that an answer may take."""


class Nessie:
    """A Nessie server. Every method raises StorageError, or what `nessie_errors` makes of it."""

    def __init__(
        self, url: str, access: Access | None = None, *, patience: float = _PATIENCE
    ) -> None:
        """`patience` is how many seconds an answer may take."""
        self.url = url
        self._access = access or Access()
        self._timeout = (_TO_CONNECT, patience)

    def post(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Send a document to a path of the API; return the answer."""
        return self._ask("POST", path, json=document)

    def get(self, path: str, **params: str) -> dict[str, Any]:
        """Read a path of the API; return the answer."""
        return self._ask("GET", path, params=params)

    def pages(self, path: str, field: str, **params: str) -> Iterator[dict[str, Any]]:
        """Yield the items of a list that comes in pages; `field` is its name in the answer."""
        next_page: dict[str, str] = {}
        while True:
            page = self._ask("GET", path, params=params | next_page)
            yield from page[field]
            if not page["hasMore"]:
                return
            next_page = {"page-token": page["token"]}

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if "_session" in vars(self):
            vars(self).pop("_session").close()

    @cached_property
    def _session(self) -> requests.Session:
        return self._access.session()

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._session.request(
                method, f"{self.url}/api/v2/{path}", timeout=self._timeout, **options
            )
            if answer.status_code in NOT_LET_IN:  # by what stands before Nessie: no JSON
                raise refused(self.url, answer.status_code, answer.reason)
            document: dict[str, Any] = answer.json()
        except (requests.ConnectionError, requests.Timeout) as error:
            raise unanswered(self.url, error) from None
        except requests.JSONDecodeError:
            raise not_nessie(self.url) from None
        if answer.ok:
            return document
        raise refused(self.url, answer.status_code, document.get("message", answer.reason))
