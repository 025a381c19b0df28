"""The names of tables on a branch that others write to, too."""

from __future__ import annotations

from lakehouse.catalogs import MAIN
from lakehouse.errors import StorageError
from lakehouse.session import Session


def require_own(session: Session) -> None:
    """Raise StorageError if others keep a table on main under the name of one of the project."""
    declared = {spec.table for spec in session.project.tables.values()}
    taken = sorted(declared & session.catalog.strangers(MAIN).keys())
    if taken:
        raise StorageError(
            f"{taken[0]} is on main already, and is not of this lakehouse",
            hint="nothing was changed: give the table another name here, or there",
        )
