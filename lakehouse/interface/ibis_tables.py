"""Tables of a ref as Ibis tables, which DuckDB reads on any profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.errors import UnknownNameError, choices
from lakehouse.session import Session

if TYPE_CHECKING:
    import ibis.expr.types as ir


class IbisTables:
    """Tables that are read through one session, so that they can be joined."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def close(self) -> None:
        """Close the session; the tables cannot be read any more."""
        self._session.close()

    def table(self, name: str, ref: str) -> ir.Table:
        """Return a table or view of a ref by its bare or qualified name. Raises UnknownNameError.

        Its statement names the files of the table, so it does not follow a ref that moves.
        """
        session = self._session
        sources = session.sources(session.compiled_for_duckdb, session.catalog.tables(ref))
        qualified = session.project.qualified(name)
        if qualified not in sources:
            raise UnknownNameError(
                f"there is no table {name!r} on {ref}", hint=choices("tables", name, sources)
            )
        return session.duckdb.table(sources[qualified])
