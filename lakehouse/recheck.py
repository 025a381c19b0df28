"""Asking checks of what is there, outside of a run."""

from __future__ import annotations

from lakehouse import clock
from lakehouse.audit import Audit, CheckResult
from lakehouse.catalogs import MAIN
from lakehouse.session import Session
from lakehouse.windows import ALL_TIME


def recheck(
    session: Session, selected: frozenset[str], ref: str = MAIN, *, everything: bool = False
) -> list[CheckResult]:
    """Ask the checks of the selected tables, where each table changed last, or of everything."""
    tables, project = session.catalog.tables(ref), session.project
    stored = {
        name: tables[spec.table] for name, spec in project.tables.items() if spec.table in tables
    }
    changed = {
        name: (ALL_TIME,) if everything else table.state.changes[-1].windows
        for name, table in stored.items()
    }
    audit = Audit(session.engine, session.compiled, tables, changed, until=clock.now())
    names = [name for name in project.tables if name in selected]
    return [result for name in names for result in audit.of(name)]
