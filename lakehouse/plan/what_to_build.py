"""What a run fetches and builds, and why, as pure functions of compiled models and stored state."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from lakehouse import windows
from lakehouse.compile.compiler import Compiled, CompiledModel
from lakehouse.declare import raw_columns
from lakehouse.declare.kinds import Incremental
from lakehouse.declare.project import Project, ordered
from lakehouse.declare.specs import IngestionSpec, ModelSpec
from lakehouse.keys import Keys
from lakehouse.plan.state import EVERYTHING, Change, Changed, TableState, joined
from lakehouse.windows import ALL_TIME, Window, Windows


class Reason(StrEnum):
    """The reason why a node of the DAG is executed or skipped."""

    FIRST_RUN = "first run"
    CODE_CHANGED = "code changed"
    NEW_DATA = "new data"
    PARENT_CHANGED = "parent changed"
    MISSING_WINDOW = "missing window"
    FORCED = "forced"
    UP_TO_DATE = "up to date"
    VIEW = "view"
    ASKED = "asked for"
    IF_NEW = "if the fetch finds news"
    NOT_SELECTED = "not selected"


@dataclass(frozen=True)
class Decision:
    """The rows of a table that are to be built or fetched, and why."""

    reason: Reason
    windows: Windows = ()
    """Windows to build; empty: nothing to do; `ALL_TIME`: rows of any time."""
    keys: Keys | None = None
    """Keys whose rows are built; None means all."""
    because: tuple[str, ...] = ()
    """The parents that changed."""

    @property
    def dirty(self) -> Changed:
        """The rows to build."""
        return Changed(self.windows, self.keys)


def fetch_windows(spec: IngestionSpec, asked: Windows, state: TableState | None) -> Windows:
    """Return the windows that a run for the windows `asked` fetches: these, and their overlap.

    The overlap is cut to days of which at least a part was fetched before. Also fetched is what
    could not be read of keys that can be read again. Archived time is not fetched: the source may
    return only some of its rows, and models that were rebuilt from these would lose the rest.
    """
    if not spec.by_window:
        return (ALL_TIME,)
    again: Windows = ()
    if spec.overlap and state is not None:
        before = windows.subtract([window.widen(spec.overlap) for window in asked], asked)
        again = windows.intersect(before, [window.snap("day") for window in state.covered])
    if state is not None:
        again = windows.union([*again, *state.to_read_again])
    return windows.subtract(
        windows.union([*asked, *again]), state.archived_windows if state else ()
    )


def _why_fetched(spec: IngestionSpec, asked: Windows, state: TableState | None) -> Reason:
    if state is None:
        return Reason.FIRST_RUN
    if state.fingerprint != raw_columns.fingerprint(spec):
        return Reason.CODE_CHANGED
    if spec.by_window and windows.subtract(asked, state.settled):
        return Reason.MISSING_WINDOW
    return Reason.ASKED


def decide(
    compiled: Compiled,
    model: CompiledModel,
    state: TableState | None,
    parents: Mapping[str, TableState],
    *,
    force: bool = False,
) -> Decision:
    """Decide what to build of a model, and why.

    `state` is that of its table, None before its first build; `parents` are the states of the
    stored tables that it reads, directly or through views, by bare name.
    """
    if model.spec.is_view:
        return Decision(Reason.VIEW)
    if state is None:
        return Decision(Reason.FIRST_RUN, (ALL_TIME,))
    everything = _buildable((ALL_TIME,), model.spec, parents)
    if force:
        return Decision(Reason.FORCED, everything)
    if state.fingerprint != model.fingerprint:
        return Decision(Reason.CODE_CHANGED, everything)
    project = compiled.project
    changed = {
        name: changed_rows
        for name in model.spec.inputs
        if (changed_rows := _changed(project, name, state.parents, parents))
    }
    if not changed:
        return Decision(Reason.UP_TO_DATE)
    dirty = joined(
        _dirty(model, changed_rows, has_time=project.tables[name].time_column is not None)
        for name, changed_rows in changed.items()
    )
    reads_raw = not any(name in project.models for name in stored_parents(project, model.spec.name))
    reason = Reason.NEW_DATA if reads_raw else Reason.PARENT_CHANGED
    buildable = _buildable(dirty.windows, model.spec, parents)
    return Decision(reason, buildable, dirty.keys, tuple(changed))


def _buildable(dirty: Windows, model: ModelSpec, parents: Mapping[str, TableState]) -> Windows:
    """Return the dirty windows that can be built without archived rows; others stay as they are."""
    archived = [
        state.archived_before for state in parents.values() if state.archived_before is not None
    ]
    kind = model.kind
    if not archived or not isinstance(kind, Incremental) or kind.time_column is None:
        return dirty
    # A row reads inputs from `before` earlier to `after` later; so an input affects rows from
    # `after` earlier to `before` later, and the two swap.
    end = Window(windows.BEGINNING, max(archived)).widen(kind.after, kind.before)
    return windows.subtract(dirty, (end.snap(kind.grain),))


@dataclass(frozen=True)
class PlannedNode:
    """A table of a plan (by qualified name) with its decision, which does not wait for a fetch."""

    table: str
    decision: Decision
    if_new: Decision | None = None
    """What is decided instead if all fetched rows are new; None: the same."""


def plan_run(
    compiled: Compiled,
    states: Mapping[str, TableState],
    asked: Windows,
    selected: frozenset[str],
    *,
    force: bool = False,
    same: Collection[str] = (),
) -> list[PlannedNode]:
    """Return what a run would do, given the states of the stored tables by qualified name.

    What follows from the code and from rows that are stored is built for sure. As the plan cannot
    know what a fetch will find, models that depend on it have a second decision, with what would
    be built if all fetched rows were new; `Reason.IF_NEW` means that nothing else is built. `same`
    are the copies whose origin has not changed, so that they are not read.
    """
    project = compiled.project
    stored = {name: states.get(spec.table) for name, spec in project.tables.items()}
    sure, assumed = dict(stored), dict(stored)  # as they are after the run, at least and at most
    nodes = []
    ingestions = [(name, spec) for name, spec in project.ingestions.items() if name in selected]
    for name, spec in ingestions:
        wanted = fetch_windows(spec, asked, stored[name])
        reason = _why_fetched(spec, asked, stored[name])
        nodes.append(PlannedNode(spec.table, Decision(reason, wanted)))
        if reason is Reason.CODE_CHANGED and wanted:  # the whole table gets the new columns
            wanted = (ALL_TIME,)
            sure[name] = _touched(stored[name], wanted)
        if wanted:
            assumed[name] = _touched(stored[name], wanted)
    for name, decision in _read_copies(project, selected, stored, same):
        nodes.append(PlannedNode(project.copies[name].table, decision))
        assumed[name] = _touched(stored[name], decision.windows)
    for model in ordered(project):
        if model.name not in selected:
            continue
        compiled_model = compiled.models[model.name]
        state = states.get(model.table)
        decision, if_new = (
            decide(
                compiled, compiled_model, state, _known(project, model.name, tables), force=force
            )
            for tables in (sure, assumed)
        )
        for tables, built in ((sure, decision), (assumed, if_new)):
            if built.windows:
                tables[model.name] = _touched(stored[model.name], built.windows, built.keys)
        is_same = decision.dirty == if_new.dirty
        if not decision.windows and not is_same:
            decision = replace(if_new, reason=Reason.IF_NEW)
            is_same = True
        nodes.append(PlannedNode(model.table, decision, None if is_same else if_new))
    return nodes


def _read_copies(
    project: Project,
    selected: frozenset[str],
    stored: Mapping[str, TableState | None],
    same: Collection[str],
) -> Iterator[tuple[str, Decision]]:
    """Yield the copies whose origins are read; what that finds is not known yet."""
    for name in project.copies:
        if name in selected and name not in same:
            reason = Reason.FIRST_RUN if stored[name] is None else Reason.ASKED
            yield name, Decision(reason, (ALL_TIME,))


def key_columns(project: Project, ingestion: IngestionSpec) -> tuple[str, ...]:
    """Return the columns of an ingestion's unique key that are in the key of any model."""
    used = {column for model in project.models.values() for column in model.key}
    return tuple(column for column in ingestion.unique_key if column in used)


def _touched(state: TableState | None, windows: Windows, keys: Keys | None = None) -> TableState:
    """Return the state as it would be after a change of these windows and keys."""
    return (state or TableState("", ())).with_change(Change("planned", windows, keys))


def _known(
    project: Project, name: str, states: Mapping[str, TableState | None]
) -> dict[str, TableState]:
    """Return the states of a model's stored parents, without those that do not exist yet."""
    return {
        parent: state
        for parent in stored_parents(project, name)
        if (state := states[parent]) is not None
    }


def stored_parents(project: Project, name: str) -> tuple[str, ...]:
    """Return the stored tables that a model reads, directly or through views."""
    tables: dict[str, None] = {}
    for parent in project.models[name].inputs:
        tables |= dict.fromkeys(stored_with(project, parent))
    return tuple(tables)


def stored_with(project: Project, name: str) -> Iterator[str]:
    """Yield the table itself if it is stored, otherwise the stored tables that the view reads."""
    model = project.models.get(name)
    if model is not None and model.is_view:
        yield from stored_parents(project, name)
    else:
        yield name


def _changed(
    project: Project, name: str, consumed: Mapping[str, str], states: Mapping[str, TableState]
) -> Changed:
    """Return the rows of a parent, stored or view, that changed since it was last read.

    `consumed` holds the version of each stored table that was read then.
    """
    model = project.models.get(name)
    if model is None or not model.is_view:
        state = states.get(name)
        return Changed() if state is None else state.changed_since(consumed.get(name))
    changed = {parent: _changed(project, parent, consumed, states) for parent in model.inputs}
    return joined(
        _seen_by(model, changed_rows, has_time=project.tables[parent].time_column is not None)
        for parent, changed_rows in changed.items()
        if changed_rows
    )


def _dirty(model: CompiledModel, changed_rows: Changed, *, has_time: bool) -> Changed:
    """Return the rows of a model that depend on the changed rows of one parent."""
    kind = model.spec.kind
    if not isinstance(kind, Incremental):
        return EVERYTHING
    seen = _seen_by(model.spec, changed_rows, has_time=has_time)
    # A row reads inputs from `before` earlier to `after` later; so an input affects rows from
    # `after` earlier to `before` later, and the two swap.
    dirty = (window.widen(kind.after, kind.before).snap(kind.grain) for window in seen.windows)
    return Changed(windows.union(dirty), seen.keys)


def _seen_by(model: ModelSpec, changed_rows: Changed, *, has_time: bool) -> Changed:
    """Return the changed rows of a parent in terms of a model's own time and key columns.

    Unless both have a time column, the windows become all time; if the changed keys lack the
    model's key columns, all keys are meant.
    """
    by_time = has_time and model.time_column is not None
    return Changed(
        changed_rows.windows if by_time else (ALL_TIME,),
        changed_rows.keys.by(model.key) if changed_rows.keys else None,
    )
