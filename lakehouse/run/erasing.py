"""The edit that erases the rows of a key: raw table and quarantine on a run's branch.

The rest is an ordinary run: models are rebuilt where rows were, checks asked, main moved, marts
published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.compile.dag import Step
from lakehouse.ingest.erased_rows import ErasedKey, Eraser
from lakehouse.ingest.quarantine import quarantine_table

if TYPE_CHECKING:
    from lakehouse.run.context import RunContext


@dataclass(frozen=True)
class Erasure:
    """Erases the rows of a key."""

    key: ErasedKey

    @property
    def name(self) -> str:
        """The bare name of the ingestion."""
        return self.key.spec.name

    @property
    def message(self) -> str:
        """What the log says: the table and the columns, and no value."""
        return f"erase {self.key.spec.table} by {self.key.columns}"

    def fetch(self, _: RunContext) -> None:
        """Fetch nothing."""

    def apply(self, context: RunContext) -> None:
        """Erase the rows on the branch of a run, and what tables note about the key."""
        session, spec = context.session, self.key.spec
        eraser = Eraser(session.duckdb, session.catalog, context.branch, self.key, context.run_id)
        for table, erase in ((spec.table, eraser.raw), (quarantine_table(spec), eraser.quarantine)):
            before = context.tables.get(table)
            rows, after = erase(before) if before is not None else (0, None)
            if after is not None:
                context.keep(after)
                note = f"{rows} rows erased by {self.key.columns}"
                context.report(Step.MERGE, table, rows=rows, note=note)
                context.nodes[-1].counts = {"erased": rows}
            if after is not None and table == spec.table:
                context.changed[spec.name] = after.state.changes[-1].windows
        for stored in list(context.tables.values()):
            forgotten = eraser.forget(stored)
            if forgotten is not None:
                context.keep(forgotten)
