"""Names of the refs of one lakehouse on a Nessie that several lakehouses may share.

A lakehouse calls its main branch `main`, whatever its name in Nessie is. If that is another, such
as `team_a`, its own branches and tags are `team_a/…` there, and the tag `team_a/-begin` says that
`team_a` is the main branch of a lakehouse, which the others leave alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, unquote

from lakehouse.catalogs import MAIN

_BEGIN = "-begin"
"""Tag where a lakehouse begins; no name that users can give to a tag."""


@dataclass(frozen=True)
class Names:
    """Translates between names of refs here and in Nessie."""

    main: str = MAIN
    """Name in Nessie of the main branch."""

    @property
    def marker(self) -> str:
        """Name in Nessie of the tag that marks the main branch; empty if that needs none."""
        return f"{self.main}/{_BEGIN}" if self.main != MAIN else ""

    def there(self, ref: str) -> str:
        """Return the name in Nessie of a branch or tag."""
        if ref == MAIN:
            return self.main
        return ref if self.main == MAIN else f"{self.main}/{ref}"

    def in_url(self, ref: str) -> str:
        """Return a ref, written for a URL as it is called here, as Nessie takes it in a URL."""
        return ref if ref.startswith("@") else quoted(self.there(unquote(ref)))

    def own(self, names: Collection[str]) -> dict[str, str]:
        """Return which of all names in Nessie are of this lakehouse, by the name here.

        Its main branch and its marker are not among them.
        """
        mains = {name.removesuffix(f"/{_BEGIN}") for name in names if name.endswith(f"/{_BEGIN}")}
        mains = {self.main, *mains} - {MAIN}
        ours = (name for name in names if _owner(name, mains) == self.main)
        cut = 0 if self.main == MAIN else len(self.main) + 1
        return {name[cut:]: name for name in ours if name not in (self.main, self.marker)}


def _owner(name: str, mains: Collection[str]) -> str:
    """Return the main branch of the lakehouse that a ref belongs to."""
    owners = (main for main in mains if name == main or name.startswith(f"{main}/"))
    return max(owners, key=len, default=MAIN)


def quoted(name: str) -> str:
    """The name of a ref as a part of a URL."""
    return quote(name, safe="")


def schema_location(warehouse: str, schema: str) -> str:
    """The folder of a schema, in which Nessie finds a place for tables that name none."""
    return f"{warehouse}/{schema}"
