"""The edit that fills new columns of a raw table from the stored payload, and asks no source.

The rows go the way of fetched ones: they are staged, validated and merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.errors import UnknownNameError, choices
from lakehouse.ingest.fetch import Fetch
from lakehouse.ingest.refilled_rows import refilled_rows, require_refillable
from lakehouse.table_names import name_of
from lakehouse.windows import ALL_TIME

if TYPE_CHECKING:
    from lakehouse.declare.project import Project
    from lakehouse.declare.specs import IngestionSpec
    from lakehouse.run.context import RunContext


@dataclass(frozen=True)
class Refill:
    """Fills a column, or all that are empty, of a raw table."""

    spec: IngestionSpec
    column: str | None = None

    @property
    def name(self) -> str:
        """The bare name of the ingestion."""
        return self.spec.name

    @property
    def message(self) -> str:
        """What the log says."""
        return f"refill {self.spec.table}" + (f".{self.column}" if self.column else "")

    def fetch(self, context: RunContext) -> Fetch | None:
        """Return a fetch of the rows that their payload fills; None if there are none."""
        stored = context.tables.get(self.spec.table)
        if stored is None:
            return None
        files, engine = context.files(self.spec), context.session.duckdb
        rows = refilled_rows(engine, self.spec, stored, files, self.column)
        return None if rows is None else Fetch(self.spec, lambda **_: rows, {}, (ALL_TIME,))

    def apply(self, context: RunContext) -> None:
        """Do nothing more: the rows are merged as fetched ones are."""


def of(project: Project, target: str) -> Refill:
    """Return the edit of a raw table, or of one of its columns. Raises UnknownNameError."""
    for spec in project.ingestions.values():
        for name in (spec.name, name_of(spec.table), spec.table):
            if target == name or target.startswith(f"{name}."):
                column = target.removeprefix(name).removeprefix(".") or None
                require_refillable(spec, column)
                return Refill(spec, column)
    known = [spec.table for spec in project.ingestions.values()]
    raise UnknownNameError(f"{target!r} is no raw table", hint=choices("raw tables", target, known))
