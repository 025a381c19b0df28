"""Nessie's REST API, version 2, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

import requests

from lakehouse.errors import StorageError

_TO_CONNECT = 5.0
_PATIENCE = 60.0
"""Seconds."""


class UnansweredError(StorageError):
    """Nessie may have done what it was asked for, or not."""


class NotFoundError(StorageError):
    """There is no such ref."""


class ConflictError(StorageError):
    """The ref moved, or is there already."""


_REFUSALS = {400: NotFoundError, 404: NotFoundError, 409: ConflictError}
"""Nessie answers 400 to a name that no ref could have."""


class Nessie:
    """A Nessie server. Every method raises StorageError, or one of those above."""

    def __init__(self, url: str, patience: float = _PATIENCE) -> None:
        """`patience` is how many seconds an answer may take."""
        self.url = url
        self._timeout = (_TO_CONNECT, patience)

    def reference(self, name: str) -> dict[str, Any]:
        """A branch or a tag: its type, its hash, and `metadata` if anything was committed."""
        answer = self.get(f"trees/{quoted(name)}", fetch="ALL")
        reference: dict[str, Any] = answer["reference"]
        return reference

    def references(self, kind: str) -> Iterator[dict[str, Any]]:
        """All of a kind, 'BRANCH' or 'TAG'."""
        found = self.pages("trees", "references", fetch="ALL")
        return (reference for reference in found if reference["type"] == kind)

    def create(self, kind: str, name: str, source: Mapping[str, str]) -> None:
        """Make a branch or a tag where a branch stands, or a commit is."""
        self._ask("POST", "trees", params={"name": name, "type": kind}, json=source)

    def drop(self, kind: str, name: str) -> None:
        """Forget a branch or a tag."""
        tip = self.reference(name)["hash"]
        self._ask("DELETE", f"trees/{quoted(name)}@{tip}", params={"type": kind})

    def post(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a change."""
        return self._ask("POST", path, json=document)

    def get(self, path: str, **params: str) -> dict[str, Any]:
        """Ask for what is known."""
        return self._ask("GET", path, params=params)

    def pages(self, path: str, what: str, **params: str) -> Iterator[dict[str, Any]]:
        """The items of an answer that comes in pages."""
        more: dict[str, str] = {}
        while True:
            page = self._ask("GET", path, params=params | more)
            yield from page[what]
            if not page["hasMore"]:
                return
            more = {"page-token": page["token"]}

    def close(self) -> None:
        """Close its connections; asked again, it opens others."""
        if "_session" in vars(self):
            vars(self).pop("_session").close()

    @cached_property
    def _session(self) -> requests.Session:
        return requests.Session()

    def _ask(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        try:
            answer = self._session.request(
                method, f"{self.url}/api/v2/{path}", timeout=self._timeout, **what
            )
            document: dict[str, Any] = answer.json()
        except (requests.ConnectionError, requests.Timeout):
            raise unanswered(self.url) from None
        except requests.JSONDecodeError:
            raise StorageError(
                f"what answers at {self.url} is not Nessie",
                hint="is LAKEHOUSE_NESSIE_URL right? It has no path",
            ) from None
        if answer.ok:
            return document
        raise _REFUSALS.get(answer.status_code, StorageError)(
            f"Nessie at {self.url} refused: {document.get('message', answer.reason)}"
        )


def unanswered(url: str) -> UnansweredError:
    """Nobody answers at the address."""
    return UnansweredError(
        f"Nessie at {url} does not answer",
        hint="is it running, and is LAKEHOUSE_NESSIE_URL right?",
    )


def quoted(name: str) -> str:
    """The name of a ref as a part of an address."""
    return quote(name, safe="")
