"""Asking checks of stored tables outside of a run."""

from __future__ import annotations

from lakehouse.audit.audit import Audit
from lakehouse.catalogs import MAIN
from lakehouse.checks.result import CheckResult
from lakehouse.session import Session
from lakehouse.system import clock
from lakehouse.windows import ALL_TIME


def check_now(
    session: Session, selected: frozenset[str], ref: str = MAIN, *, everything: bool = False
) -> list[CheckResult]:
    """Return what the checks of the selected tables find on a ref.

    Each table is checked where it changed last, or, with `everything`, as a whole.
    """
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
