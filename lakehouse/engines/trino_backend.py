"""Ibis' backend for Trino, whose statement another thread can cancel; it loads both libraries."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ibis.backends.trino import Backend
from trino.dbapi import Cursor


class Cancellable(Backend):  # type: ignore[misc]  # Ibis has no types
    """A connection for one statement at a time."""

    _cursor: Cursor | None = None

    def raw_sql(self, query: str) -> Any:
        """Run a statement; return its cursor, from which its rows are fetched."""
        self._cursor = self.con.cursor()
        return self._cursor.execute(query)

    def cancel(self) -> None:
        """Let Trino end the statement, which raises an error where it runs."""
        if self._cursor is not None:
            with suppress(Exception):  # it may have ended, or the server may be down
                self._cursor.cancel()
