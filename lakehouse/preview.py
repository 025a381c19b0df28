"""What `plan` shows: the decisions, what they would rebuild, and what changed in the code."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse import code
from lakehouse.catalogs import MAIN
from lakehouse.plan import PlannedNode, Reason, plan_run
from lakehouse.session import Session
from lakehouse.windows import Windows


@dataclass(frozen=True)
class Preview:
    """One table of a plan, as people see it."""

    node: str
    why: str
    because: tuple[str, ...]
    """The parents that changed."""
    windows: tuple[str, ...]
    keys: str
    """Whose rows only; empty: everybody's."""
    rows: int | None
    """The rows that the table has now; a whole rebuild replaces them all."""
    changes: tuple[str, ...]
    """What changed in the code since the table was built, line by line."""


def preview(session: Session, windows: Windows, selected: frozenset[str]) -> list[Preview]:
    """What a run over these windows would do, and why."""
    stored = session.catalog.tables(MAIN)
    states = {name: table.state for name, table in stored.items()}
    nodes = plan_run(session.compiled, states, windows, selected)
    return [
        Preview(
            node=node.table,
            why=str(node.decision.reason),
            because=node.decision.because,
            windows=tuple(map(str, node.decision.windows)),
            keys="" if node.decision.keys is None else str(node.decision.keys),
            rows=stored[node.table].rows if node.table in stored else None,
            changes=_changes(session, node, states[node.table].fingerprint)
            if node.decision.reason is Reason.CODE_CHANGED
            else (),
        )
        for node in nodes
    ]


def _changes(session: Session, node: PlannedNode, fingerprint: str) -> tuple[str, ...]:
    statement = session.compiled.models[node.table.split(".")[1]].statement
    warehouse, dialect = session.settings.warehouse, session.engine_dialect
    return tuple(code.difference(warehouse, fingerprint, statement, dialect))
