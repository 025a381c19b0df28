"""What a run must do, and why: pure functions of what is compiled and what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lakehouse import windows
from lakehouse.compile import Compiled, CompiledModel
from lakehouse.declare import Incremental, IngestionSpec, ModelSpec, View
from lakehouse.keys import Keys
from lakehouse.project import Project, ordered
from lakehouse.state import EVERYTHING, Change, Changed, TableState, joined
from lakehouse.windows import ALL_TIME, Window, Windows


class Reason(StrEnum):
    """Why a node runs, or does not."""

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
    """Whether a model is built, for which windows, and why."""

    reason: Reason
    windows: Windows = ()
    """Empty: nothing to do. `ALL_TIME`: of whatever time."""
    keys: Keys | None = None
    """Only the rows of these keys; None: of any."""
    because: tuple[str, ...] = ()
    """The parents that changed."""

    @property
    def dirty(self) -> Changed:
        """The rows to build."""
        return Changed(self.windows, self.keys)


def fetch_windows(spec: IngestionSpec, asked: Windows, state: TableState | None) -> Windows:
    """What a run for some windows fetches: them, and the overlap where it was fetched before.

    Days nobody asked for are not reached into; a day that was asked for counts as a whole. What
    is archived is not fetched: a window with a part of its rows would replace what was built.
    """
    if spec.time_column is None:
        return (ALL_TIME,)
    again: Windows = ()
    if spec.overlap and state is not None:
        before = windows.subtract([window.widen(spec.overlap) for window in asked], asked)
        again = windows.intersect(before, [each.snap("day") for each in state.covered])
    return windows.subtract(windows.union([*asked, *again]), state.gone if state else ())


def _why_fetched(spec: IngestionSpec, asked: Windows, state: TableState | None) -> Reason:
    if state is None:
        return Reason.FIRST_RUN
    if spec.time_column is not None and windows.subtract(asked, state.settled):
        return Reason.MISSING_WINDOW
    return Reason.ASKED


def decide(
    compiled: Compiled,
    model: CompiledModel,
    own: TableState | None,
    parents: Mapping[str, TableState],
    *,
    force: bool = False,
) -> Decision:
    """What to build of a model. `parents` are the states of the stored tables it rests on."""
    if isinstance(model.spec.kind, View):
        return Decision(Reason.VIEW)
    if own is None:
        return Decision(Reason.FIRST_RUN, (ALL_TIME,))
    everything = _buildable((ALL_TIME,), model.spec, parents)
    if force:
        return Decision(Reason.FORCED, everything)
    if own.fingerprint != model.fingerprint:
        return Decision(Reason.CODE_CHANGED, everything)
    project = compiled.project
    changed = {
        name: since
        for name in model.spec.inputs
        if (since := _changed(project, name, own.parents, parents))
    }
    if not changed:
        return Decision(Reason.UP_TO_DATE)
    dirty = joined(
        _dirty(model, since, has_time=project.tables[name].time_column is not None)
        for name, since in changed.items()
    )
    raw = all(name in project.ingestions for name in stored_parents(project, model.spec.name))
    reason = Reason.NEW_DATA if raw else Reason.PARENT_CHANGED
    buildable = _buildable(dirty.windows, model.spec, parents)
    return Decision(reason, buildable, dirty.keys, tuple(changed))


def _buildable(dirty: Windows, model: ModelSpec, parents: Mapping[str, TableState]) -> Windows:
    """The windows whose inputs are all there; what was built of archived rows stays as it is."""
    archived = [state.archived for state in parents.values() if state.archived is not None]
    kind = model.kind
    if not archived or not isinstance(kind, Incremental) or kind.time_column is None:
        return dirty
    end = Window(windows.BEGINNING, max(archived)).widen(kind.after, kind.before)
    return windows.subtract(dirty, (end.snap(kind.grain),))


@dataclass(frozen=True)
class PlannedNode:
    """One table of a plan."""

    table: str
    decision: Decision


def plan_run(
    compiled: Compiled, states: Mapping[str, TableState], asked: Windows, selected: frozenset[str]
) -> list[PlannedNode]:
    """What a run would do, given the states of the stored tables by qualified name.

    What a fetch will find is not known yet: models that depend on it are listed with the windows
    that they would be built for if all of it were new.
    """
    project = compiled.project
    assumed = {name: states.get(spec.table) for name, spec in project.tables.items()}
    nodes = []
    for name, spec in project.ingestions.items():
        if name not in selected:
            continue
        wanted = fetch_windows(spec, asked, assumed[name])
        reason = _why_fetched(spec, asked, assumed[name])
        nodes.append(PlannedNode(spec.table, Decision(reason, wanted)))
        if spec.time_column is not None:
            assumed[name] = _touched(assumed[name], wanted)
    for model in ordered(project):
        if model.name not in selected:
            continue
        compiled_model = compiled.models[model.name]
        own = states.get(model.table)
        now, then = (
            decide(compiled, compiled_model, own, _known(project, model.name, given))
            for given in ({n: states.get(s.table) for n, s in project.tables.items()}, assumed)
        )
        decision = now
        if now.windows != then.windows:
            decision = Decision(Reason.IF_NEW, then.windows, then.keys, then.because)
        if decision.windows:
            assumed[model.name] = _touched(assumed[model.name], decision.windows)
        nodes.append(PlannedNode(model.table, decision))
    return nodes


def key_columns(project: Project, ingestion: IngestionSpec) -> tuple[str, ...]:
    """The columns of an ingestion's key that some model is built by."""
    used = {column for model in project.models.values() for column in model.key}
    return tuple(column for column in ingestion.unique_key if column in used)


def _touched(state: TableState | None, windows: Windows) -> TableState:
    """The state as it would be after a change of these windows."""
    return (state or TableState("", ())).after(Change("planned", windows))


def _known(
    project: Project, name: str, states: Mapping[str, TableState | None]
) -> dict[str, TableState]:
    return {
        parent: state
        for parent in stored_parents(project, name)
        if (state := states[parent]) is not None
    }


def stored_parents(project: Project, name: str) -> tuple[str, ...]:
    """The stored tables that a model rests on: its inputs, and those of the views among them."""
    found: dict[str, None] = {}
    for parent in project.models[name].inputs:
        found |= dict.fromkeys(stored_with(project, parent))
    return tuple(found)


def stored_with(project: Project, name: str) -> Iterator[str]:
    """The table itself if it is stored, or else the stored tables that the view rests on."""
    model = project.models.get(name)
    if model is not None and isinstance(model.kind, View):
        yield from stored_parents(project, name)
    else:
        yield name


def _changed(
    project: Project, name: str, consumed: Mapping[str, str], states: Mapping[str, TableState]
) -> Changed:
    """What changed of a parent, stored or view, since it was read last."""
    model = project.models.get(name)
    if model is None or not isinstance(model.kind, View):
        state = states.get(name)
        return Changed() if state is None else state.changed_since(consumed.get(name))
    changed = {each: _changed(project, each, consumed, states) for each in model.inputs}
    return joined(
        _told(model, since, has_time=project.tables[each].time_column is not None)
        for each, since in changed.items()
        if since
    )


def _dirty(model: CompiledModel, since: Changed, *, has_time: bool) -> Changed:
    """The rows of a model that depend on what changed of one parent."""
    kind = model.spec.kind
    if not isinstance(kind, Incremental):
        return EVERYTHING
    told = _told(model.spec, since, has_time=has_time)
    dirty = (window.widen(kind.after, kind.before).snap(kind.grain) for window in told.windows)
    return Changed(windows.union(dirty), told.keys)


def _told(model: ModelSpec, since: Changed, *, has_time: bool) -> Changed:
    """What changed of a parent, as far as a model can tell its own rows apart by it."""
    by_time = has_time and model.time_column is not None
    return Changed(
        since.windows if by_time else (ALL_TIME,),
        since.keys.by(model.key) if since.keys else None,
    )
