"""The preview that `plan` shows: what a run would rebuild, why, and what changed in the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lakehouse.catalogs import MAIN, StoredTable
from lakehouse.declare import copies, raw_columns
from lakehouse.ingest import folder
from lakehouse.ingest.quarantine import quarantine_table
from lakehouse.plan import cursor
from lakehouse.plan.state import TableState
from lakehouse.plan.what_to_build import PlannedNode, plan_run
from lakehouse.publish import departed
from lakehouse.publish.publication_table import shown
from lakehouse.records import code_history
from lakehouse.run import own_names
from lakehouse.run.copying import is_news
from lakehouse.session import Session
from lakehouse.windows import Windows

_ON_MAIN = "its rows stay on main as they are, and no command builds or reads them"


@dataclass(frozen=True)
class Preview:
    """One table of a plan, in the words that people see."""

    node: str
    why: str
    because: tuple[str, ...]
    """The parents that changed, if those are the reason."""
    windows: tuple[str, ...]
    """Windows that are built for sure, or only if the fetch finds news: `why` says which."""
    keys: str
    """Keys whose rows are rebuilt; empty means all."""
    if_new: str
    """What is built instead if all fetched rows are new; empty if it is the same."""
    rows: int | None
    """Rows that the table has now, all of which a whole rebuild replaces; None without a table."""
    changes: tuple[str, ...]
    """Changes of the code since the table was built, line by line."""
    becomes: str = ""
    """What becomes of a table that the code does not declare any more."""


def preview(
    session: Session, windows: Windows, selected: frozenset[str], *, force: bool = False
) -> list[Preview]:
    """Return what a run over these windows would do, table by table, and why.

    With `force`, it is one that rebuilds the selected models. Tables that the code does not declare
    any more come last.
    """
    own_names.require_own(session)
    stored = session.catalog.tables(MAIN)
    states = {name: table.state for name, table in stored.items()}
    same = {
        name
        for name, spec in session.project.copies.items()
        if name in selected and not is_news(session, name, states.get(spec.table))
    }
    nodes = plan_run(session.compiled, states, windows, selected, force=force, same=same)
    planned = [
        Preview(
            node=node.table,
            why=str(node.decision.reason),
            because=node.decision.because,
            windows=_asked_for(session, node, states.get(node.table), force=force),
            keys="" if node.decision.keys is None else str(node.decision.keys),
            if_new="" if node.if_new is None else str(node.if_new.dirty),
            rows=stored[node.table].rows if node.table in stored else None,
            changes=_changes(session, node, states.get(node.table)),
        )
        for node in nodes
    ]
    return [*planned, *_undeclared(session, stored)]


def _asked_for(
    session: Session, node: PlannedNode, state: TableState | None, *, force: bool
) -> tuple[str, ...]:
    """Return the windows of a node as text; or what is asked for by a cursor, or read of files."""
    spec = session.project.ingestions.get(session.project.name_of(node.table))
    if spec is not None and spec.files is not None:
        return (str(folder.folder(spec, session.settings.root, state, everything=force)),)
    since = None if spec is None or force else cursor.since(spec, state)
    return tuple(map(str, node.decision.windows)) if since is None else (f"since {since}",)


def _undeclared(session: Session, stored: Mapping[str, StoredTable]) -> Iterator[Preview]:
    """Yield the tables that the code does not declare any more, of main and of Postgres."""
    project, models = session.project, session.compiled.models.values()
    declared = {spec.table for spec in project.tables.values()}
    declared |= {quarantine_table(spec) for spec in project.ingestions.values()}
    new_names = {m.fingerprint: m.spec.table for m in models if m.spec.table not in stored}
    published = {shown(mart): mart for mart in departed.without_model(session)}
    for name in [*stored, *sorted(published.keys() - stored.keys())]:
        if name in declared and name not in published:
            continue
        table = stored.get(name)
        renamed = table and new_names.get(table.state.fingerprint)
        why = f"renamed to {renamed}" if renamed else "removed from the code"
        becomes = [_ON_MAIN] if table and name not in declared else []
        if name in published:
            becomes.append(f"Postgres keeps it until `publish --drop {published[name]}`")
        yield Preview(
            node=name,
            why="not published any more" if name in declared else why,
            because=(),
            windows=(),
            keys="",
            if_new="",
            rows=table.rows if table else None,
            changes=(),
            becomes="; ".join(becomes),
        )


def _changes(session: Session, node: PlannedNode, state: TableState | None) -> tuple[str, ...]:
    """Return the changes of the code since a table was built; empty if it is the same code."""
    compiled, project = session.compiled, session.project
    name = project.name_of(node.table)
    if name in project.copies:
        now = copies.fingerprint(compiled.schemas[name])
        if state is None:  # their types may be inferred, and are to be seen
            return tuple(f"+ column {column} {of}" for column, of in compiled.schemas[name].items())
    elif name in project.ingestions:
        now = raw_columns.fingerprint(project.ingestions[name])
    else:
        now = compiled.models[name].fingerprint
    if state is None:
        return ()
    declared = compiled.project.tables[name].declared
    redeclared = [
        f"~ {argument} {state.declared[argument]} → {value}"
        for argument, value in declared.items()
        if state.declared.get(argument, value) != value
    ]
    if state.fingerprint == now:
        return tuple(redeclared)
    statements = code_history.parts(compiled, name)
    warehouse, dialect = session.settings.warehouse, session.engine_dialect
    differences = code_history.difference(warehouse, state.fingerprint, statements, dialect)
    return (*redeclared, *differences)
