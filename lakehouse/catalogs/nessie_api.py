"""A client for version 2 of Nessie's REST API, and its errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

import requests

from lakehouse.errors import StorageError

_TO_CONNECT = 5.0
"""Seconds that connecting may take."""
_PATIENCE = 60.0
"""Seconds that an answer may take."""


class UnansweredError(StorageError):
    """No answer came: Nessie may or may not have done what the request asked for."""


class NotFoundError(StorageError):
    """The ref does not exist."""


class ConflictError(StorageError):
    """The ref moved meanwhile, or exists already."""


_REFUSALS = {400: NotFoundError, 404: NotFoundError, 409: ConflictError}
"""Errors by HTTP status. Nessie answers 400 to a name that no ref could have."""


class Nessie:
    """A Nessie server. Every method raises StorageError or one of its subclasses above."""

    def __init__(self, url: str, patience: float = _PATIENCE) -> None:
        """`patience` is how many seconds an answer may take."""
        self.url = url
        self._timeout = (_TO_CONNECT, patience)

    def reference(self, name: str) -> dict[str, Any]:
        """A branch or tag: its type and hash, and its `metadata` if it has a commit."""
        answer = self.get(f"trees/{quoted(name)}", fetch="ALL")
        reference: dict[str, Any] = answer["reference"]
        return reference

    def references(self, kind: str) -> Iterator[dict[str, Any]]:
        """All refs of a kind, 'BRANCH' or 'TAG'."""
        references = self.pages("trees", "references", fetch="ALL")
        return (reference for reference in references if reference["type"] == kind)

    def create(self, kind: str, name: str, source: Mapping[str, str]) -> None:
        """Create a branch or a tag at `source`, Nessie's reference to a branch or a commit."""
        self._ask("POST", "trees", params={"name": name, "type": kind}, json=source)

    def drop(self, kind: str, name: str) -> None:
        """Delete a branch or a tag."""
        tip = self.reference(name)["hash"]
        self._ask("DELETE", f"trees/{quoted(name)}@{tip}", params={"type": kind})

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
        return requests.Session()

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._session.request(
                method, f"{self.url}/api/v2/{path}", timeout=self._timeout, **options
            )
            document: dict[str, Any] = answer.json()
        except (requests.ConnectionError, requests.Timeout):
            raise unanswered(self.url) from None
        except requests.JSONDecodeError:
            raise StorageError(
                f"the server at {self.url} is not Nessie",
                hint="is LAKEHOUSE_NESSIE_URL right? It ends after the port",
            ) from None
        if answer.ok:
            return document
        raise _REFUSALS.get(answer.status_code, StorageError)(
            f"Nessie at {self.url} refused: {document.get('message', answer.reason)}"
        )


def unanswered(url: str) -> UnansweredError:
    """The error for a Nessie that does not answer at a URL."""
    return UnansweredError(
        f"Nessie at {url} does not answer",
        hint="is it running, and is LAKEHOUSE_NESSIE_URL right?",
    )


def quoted(name: str) -> str:
    """The name of a ref as a part of a URL."""
    return quote(name, safe="")
