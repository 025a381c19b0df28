"""The preview that `plan` shows: what a run would rebuild, why, and what changed in the code."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.catalogs import MAIN
from lakehouse.declare import raw_columns
from lakehouse.plan.state import TableState
from lakehouse.plan.what_to_build import PlannedNode, plan_run
from lakehouse.publish import departed
from lakehouse.publish.publication_table import SCHEMA
from lakehouse.records import code_history
from lakehouse.session import Session
from lakehouse.table_names import name_of
from lakehouse.windows import Windows


@dataclass(frozen=True)
class Preview:
    """One table of a plan, in the words that people see."""

    node: str
    why: str
    because: tuple[str, ...]
    """The parents that changed, if those are the reason."""
    windows: tuple[str, ...]
    keys: str
    """Keys whose rows are rebuilt; empty means all."""
    rows: int | None
    """Rows that the table has now, all of which a whole rebuild replaces; None without a table."""
    changes: tuple[str, ...]
    """Changes of the code since the table was built, line by line."""


def preview(session: Session, windows: Windows, selected: frozenset[str]) -> list[Preview]:
    """Return what a run over these windows would do, table by table, and why."""
    stored = session.catalog.tables(MAIN)
    states = {name: table.state for name, table in stored.items()}
    nodes = plan_run(session.compiled, states, windows, selected)
    planned = [
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
    return [*planned, *map(_kept, departed.without_model(session))]


def _kept(mart: str) -> Preview:
    """Return the line of a mart in Postgres that no model makes any more."""
    why = f"no model makes it: Postgres keeps it until `publish --drop {mart}`"
    return Preview(f"{SCHEMA}.{mart}", why, (), (), "", None, ())


def _changes(session: Session, node: PlannedNode, state: TableState | None) -> tuple[str, ...]:
    """Return the changes of the code since a table was built; empty if it is the same code."""
    compiled, name = session.compiled, name_of(node.table)
    ingestion = compiled.project.ingestions.get(name)
    now = raw_columns.fingerprint(ingestion) if ingestion else compiled.models[name].fingerprint
    if state is None or state.fingerprint == now:
        return ()
    statements = code_history.parts(compiled, name)
    warehouse, dialect = session.settings.warehouse, session.engine_dialect
    return tuple(code_history.difference(warehouse, state.fingerprint, statements, dialect))
