"""Selections: the tables that an operation is about, in the words of `--select` and `--exclude`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.catalogs import MAIN
from lakehouse.session import Session

if TYPE_CHECKING:
    from lakehouse.plan.selectors import Changes


@dataclass(frozen=True)
class Selection:
    """Tables that are selected and not excluded; all of them by default."""

    select: str | None = None
    exclude: str | None = None
    state: str = MAIN
    """Ref that `state:` compares with."""

    @property
    def is_all(self) -> bool:
        """Whether nothing is selected or excluded."""
        return self.select is self.exclude is None

    def names(self, session: Session) -> frozenset[str]:
        """Return the bare names of the tables. Only a `state:` opens the catalog."""
        from lakehouse.plan.selectors import compare, select

        def changes() -> Changes:
            stored = session.catalog.tables(self.state)
            return compare(session.compiled, {name: table.state for name, table in stored.items()})

        root = session.settings.root
        return select(session.project, self.select, self.exclude, root=root, changes=changes)
