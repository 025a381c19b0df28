"""What a run must do, and why: pure functions of what is compiled and what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lakehouse import windows
from lakehouse.compile import Compiled, CompiledModel
from lakehouse.declare import Incremental, IngestionSpec, View
from lakehouse.project import Project, ordered
from lakehouse.state import Change, TableState
from lakehouse.windows import ALL_TIME, Window, Windows


class Reason(StrEnum):
    """Why a node runs, or does not."""

    FIRST_RUN = "first run"
    CODE_CHANGED = "code changed"
    NEW_DATA = "new data"
    PARENT_CHANGED = "parent changed"
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
    """Empty: nothing to do. `ALL_TIME`: the whole table."""
    because: tuple[str, ...] = ()
    """The parents that changed."""


def fetch_windows(spec: IngestionSpec, asked: Windows, state: TableState | None) -> Windows:
    """What a run for some windows fetches: them, and the overlap where it was fetched before.

    Days nobody asked for are not reached into; a day that was asked for counts as a whole.
    """
    if spec.time_column is None:
        return (ALL_TIME,)
    again: Windows = ()
    if spec.overlap and state is not None:
        before = [Window(window.start - spec.overlap, window.start) for window in asked]
        again = windows.intersect(before, [each.snap("day") for each in state.covered])
    return windows.union([*asked, *again])


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
    everything = (ALL_TIME,)
    if own is None:
        return Decision(Reason.FIRST_RUN, everything)
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
    dirty = windows.union(
        window
        for name, since in changed.items()
        for window in _dirty(model, since, has_time=project.tables[name].time_column is not None)
    )
    raw = all(name in project.ingestions for name in stored_parents(project, model.spec.name))
    return Decision(Reason.NEW_DATA if raw else Reason.PARENT_CHANGED, dirty, tuple(changed))


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
        nodes.append(PlannedNode(spec.table, Decision(Reason.ASKED, wanted)))
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
            decision = Decision(Reason.IF_NEW, then.windows, then.because)
        if decision.windows:
            assumed[model.name] = _touched(assumed[model.name], decision.windows)
        nodes.append(PlannedNode(model.table, decision))
    return nodes


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
        found |= dict.fromkeys(_stored(project, parent))
    return tuple(found)


def _stored(project: Project, name: str) -> Iterator[str]:
    model = project.models.get(name)
    if model is not None and isinstance(model.kind, View):
        yield from stored_parents(project, name)
    else:
        yield name


def _changed(
    project: Project, name: str, consumed: Mapping[str, str], states: Mapping[str, TableState]
) -> Windows:
    """The windows of a parent, stored or view, that changed since it was read last."""
    model = project.models.get(name)
    if model is None or not isinstance(model.kind, View):
        state = states.get(name)
        return () if state is None else state.changed_since(consumed.get(name))
    changed = {each: _changed(project, each, consumed, states) for each in model.inputs}
    timeless = [each for each in model.inputs if project.tables[each].time_column is None]
    if any(changed[each] for each in timeless) or (
        model.time_column is None and any(changed.values())
    ):
        return (ALL_TIME,)
    return windows.union(window for since in changed.values() for window in since)


def _dirty(model: CompiledModel, since: Windows, *, has_time: bool) -> Windows:
    """The windows of a model that depend on these windows of one parent."""
    kind = model.spec.kind
    if not isinstance(kind, Incremental) or not has_time:
        return (ALL_TIME,)
    return windows.union(window.widen(kind.after, kind.before).snap(kind.grain) for window in since)
