"""Rows that break a rule of a check: how they are selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.compile.compiler import Statement
from lakehouse.engines import Source
from lakehouse.engines.sql import where
from lakehouse.windows import ALL_TIME, Window


@dataclass(frozen=True)
class Offending:
    """Rows that break a rule: those of a statement that lie in `window`.

    The statement reads sources that are cut to `reach`.
    """

    statement: Statement
    sources: Sequence[Source]
    window: Window
    reach: Window
    time_column: str | None

    def condition(self, dialect: str) -> str:
        """Return the SQL condition for rows in the window; empty if all are, or have no time."""
        if self.window == ALL_TIME or self.time_column not in self.statement.schema:
            return ""
        return where((self.window,), None, self.time_column, self.statement.schema, dialect)

    def select(self, dialect: str, what: str = "*") -> str:
        """Return SQL that selects these rows, or `what` of them."""
        condition = self.condition(dialect)
        if what == "*" and not condition:
            return self.statement.sql
        inside = f" WHERE {condition}" if condition else ""
        return f"SELECT {what} FROM ({self.statement.sql}) AS offending{inside}"
