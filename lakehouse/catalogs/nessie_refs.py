"""The branches and tags of a Nessie server and the log of main, through pynessie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from lakehouse.catalogs import MAIN
from lakehouse.catalogs.nessie_errors import not_nessie, refused, unanswered
from lakehouse.identity.access import Access

if TYPE_CHECKING:
    from pynessie.client import NessieClient
    from pynessie.model import LogEntry, Reference


class Refs:
    """The refs of a Nessie server. Every method raises what `nessie_errors` makes of a failure."""

    def __init__(self, url: str, access: Access | None = None) -> None:
        self._url, self._access = url, access or Access()

    def main(self) -> Reference:
        """The branch main; its metadata holds how many commits it has, and the newest one's."""
        return next(branch for branch in self.branches() if branch.name == MAIN)

    def hash(self, name: str) -> str:
        """The hash of the newest commit of a ref."""
        with self._translated():
            return str(self._client.get_reference(name).hash_)

    def create_branch(self, name: str, main_hash: str) -> None:
        """Create a branch at a commit of main."""
        with self._translated():
            self._client.create_branch(name, MAIN, main_hash)

    def create_tag(self, name: str, main_hash: str) -> None:
        """Tag a commit of main."""
        with self._translated():
            self._client.create_tag(name, MAIN, main_hash)

    def drop_branch(self, name: str) -> None:
        """Delete a branch."""
        with self._translated():
            self._client.delete_branch(name, self.hash(name))

    def drop_tag(self, name: str) -> None:
        """Delete a tag."""
        with self._translated():
            self._client.delete_tag(name, self.hash(name))

    def branches(self) -> list[Reference]:
        """All branches, main among them, with their metadata, which Nessie derives from commits."""
        from pynessie.model import Branch

        return [ref for ref in self._list(with_metadata=True) if isinstance(ref, Branch)]

    def is_branch(self, name: str) -> bool:
        """Return whether a branch of this name exists."""
        from pynessie.model import Branch

        return any(ref.name == name and isinstance(ref, Branch) for ref in self._list())

    def tags(self) -> dict[str, str]:
        """The id of the commit that each tag names, by tag."""
        from pynessie.model import Tag

        return {ref.name: ref.hash_ for ref in self._list() if isinstance(ref, Tag)}

    def log(self, newest: str) -> Iterator[LogEntry]:
        """Yield main's commits, from the one with the hash `newest` back."""
        with self._translated():
            yield from self._client.get_log(MAIN, endHash=newest)

    def _list(self, *, with_metadata: bool = False) -> list[Reference]:
        with self._translated():
            return list(self._client.list_references(fetch_all=with_metadata).references)

    @cached_property
    def _client(self) -> NessieClient:
        import confuse
        from pynessie.client import NessieClient

        # Not pynessie.init(), which reads ~/.config/nessie, and makes that folder.
        endpoint = {"endpoint": f"{self._url}/api/v1", "verify": True, "auth": {"type": "none"}}
        client = NessieClient(confuse.RootView([confuse.ConfigSource.of(endpoint)]))
        # Its settings know no file of authorities, and no token that is renewed.
        client._auth = self._access.auth  # noqa: SLF001
        client._ssl_verify = self._access.ca_file or True  # noqa: SLF001
        return client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise our errors in place of pynessie's."""
        import requests
        from marshmallow import ValidationError
        from pynessie.error import NessieException

        try:
            yield
        except (requests.ConnectionError, requests.Timeout) as error:
            raise unanswered(self._url, error) from None
        except (requests.JSONDecodeError, ValidationError):
            raise not_nessie(self._url) from None
        except NessieException as error:
            raise refused(self._url, error.status_code, error.server_message) from None


def has_commits(ref: Reference) -> bool:
    """Return whether anything was ever committed to a branch, or to what it began from."""
    return bool(ref.metadata and ref.metadata.num_total_commits)
