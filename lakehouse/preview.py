"""What `plan` shows: the decisions, what they would rebuild, and what changed in the code."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse import code, raw
from lakehouse.catalogs import MAIN
from lakehouse.plan import PlannedNode, plan_run
from lakehouse.session import Session
from lakehouse.state import TableState
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
            changes=_changes(session, node, states.get(node.table)),
        )
        for node in nodes
    ]


def _changes(session: Session, node: PlannedNode, state: TableState | None) -> tuple[str, ...]:
    """What changed since a table was stored; nothing if it is made of the same."""
    compiled, name = session.compiled, node.table.split(".")[1]
    ingestion = compiled.project.ingestions.get(name)
    now = raw.fingerprint(ingestion) if ingestion else compiled.models[name].fingerprint
    if state is None or state.fingerprint == now:
        return ()
    made_of = code.parts(compiled, name)
    warehouse, dialect = session.settings.warehouse, session.engine_dialect
    return tuple(code.difference(warehouse, state.fingerprint, made_of, dialect))
