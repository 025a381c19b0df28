"""Interruptions of an engine: they end what runs, and keep what waits from beginning."""

from __future__ import annotations

from lakehouse.errors import QueryError


class Interrupts:
    """Counts interruptions: an engine can interrupt running statements alone, not waiting work."""

    def __init__(self, engine: str) -> None:
        self.number = 0
        self._engine = engine

    def add(self) -> None:
        """Count an interruption."""
        self.number += 1

    def require_none(self, since: int) -> None:
        """Raise QueryError if `number` is above `since`, what it was when the work began."""
        if self.number > since:
            raise QueryError(f"{self._engine}: interrupted")
