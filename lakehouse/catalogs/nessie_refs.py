"""The branches and tags of a lakehouse on a Nessie server and the log of main, through pynessie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from lakehouse.catalogs.nessie_errors import ConflictError, no_main, not_nessie, refused, unanswered
from lakehouse.catalogs.nessie_names import Names, quoted
from lakehouse.identity.access import Access

if TYPE_CHECKING:
    from pynessie.client import NessieClient
    from pynessie.model import LogEntry, Reference

_OF_RUNS = "run-"
"""Beginning of the names of runs' branches."""


class Refs:
    """The refs of a lakehouse. Every method raises what `nessie_errors` makes of a failure."""

    def __init__(self, url: str, names: Names, access: Access | None = None) -> None:
        self._url, self.names, self._access = url, names, access or Access()

    def main(self) -> Reference:
        """The branch main; its metadata holds how many commits it has, and the newest one's."""
        for ref in self._list(with_metadata=True):
            if ref.name == self.names.main:
                return ref
        raise no_main(self._url, self.names.main)

    def hash(self, name: str) -> str:
        """The hash of the newest commit of a ref."""
        with self._translated():
            return str(self._client.get_reference(self.names.there(name)).hash_)

    def create_branch(self, name: str, main_hash: str) -> None:
        """Create a branch at a commit of main."""
        with self._translated():
            self._client.create_branch(self.names.there(name), self.names.main, main_hash)

    def create_tag(self, name: str, main_hash: str) -> None:
        """Tag a commit of main."""
        with self._translated():
            self._client.create_tag(self.names.there(name), self.names.main, main_hash)

    def mark_main(self, main_hash: str) -> None:
        """Let other lakehouses know that this branch is the main one of a lakehouse."""
        marker = self.names.marker
        if marker and all(ref.name != marker for ref in self._list()):
            with suppress(ConflictError), self._translated():  # another process has
                self._client.create_tag(marker, self.names.main, main_hash)

    def drop_branch(self, name: str) -> None:
        """Delete a branch."""
        with self._translated():
            self._client.delete_branch(self.names.there(name), self.hash(name))

    def drop_tag(self, name: str) -> None:
        """Delete a tag."""
        with self._translated():
            self._client.delete_tag(self.names.there(name), self.hash(name))

    def branches(self) -> dict[str, Reference]:
        """The branches of runs by name, with their metadata, which Nessie derives from commits.

        People and other programs make branches of other names.
        """
        own = self._own(with_metadata=True)
        return {name: ref for name, ref in own.items() if name.startswith(_OF_RUNS)}

    def is_branch(self, name: str) -> bool:
        """Return whether a branch of this name exists."""
        from pynessie.model import Branch

        there = self.names.there(name)
        return any(ref.name == there and isinstance(ref, Branch) for ref in self._list())

    def in_urls(self, *, own: bool = False) -> list[str]:
        """All refs but main as parts of URLs, also those of others unless only `own` are asked."""
        names = {ref.name for ref in self._list()}
        asked = {*self.names.own(names).values()} if own else names - {self.names.main}
        return [quoted(name) for name in sorted(asked)]

    def tags(self) -> dict[str, str]:
        """The id of the commit that each tag names, by tag."""
        from pynessie.model import Tag

        return {name: ref.hash_ for name, ref in self._own().items() if isinstance(ref, Tag)}

    def log(self, newest: str) -> Iterator[LogEntry]:
        """Yield main's commits, from the one with the hash `newest` back."""
        with self._translated():
            yield from self._client.get_log(self.names.main, endHash=newest)

    def _own(self, *, with_metadata: bool = False) -> dict[str, Reference]:
        """The refs of this lakehouse but its main branch, by the name here."""
        refs = {ref.name: ref for ref in self._list(with_metadata=with_metadata)}
        return {name: refs[there] for name, there in self.names.own(refs.keys()).items()}

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
