"""The visitor that draws the DAG: every node becomes a box, every parameter an edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.compile import dag
from lakehouse.compile.dag import Step
from lakehouse.declare.copies import CopySpec
from lakehouse.declare.kinds import Incremental
from lakehouse.declare.project import SETTINGS, Project
from lakehouse.declare.specs import WINDOW, IngestionSpec, ModelSpec
from lakehouse.draw.picture import Box, Picture

_CHECKS = "checks"


def picture(project: Project, selected: frozenset[str] | None = None) -> Picture:
    """Return the DAG as a picture, or only the part that belongs to the selected tables."""
    drawer = _Drawer(project)
    dag.visit(project, drawer)
    boxes = drawer.boxes
    if selected is not None:
        boxes = [box for box in boxes if drawer.serves(box.id, selected)]
    shown = {box.id for box in boxes}
    edges = [edge for edge in drawer.edges if set(edge) <= shown]
    return Picture(project_title(project), tuple(boxes), tuple(edges))


def project_title(project: Project) -> str:
    """Return the picture's title: how many ingestions, models and checks the project has."""
    return (
        f"{len(project.ingestions)} ingestions, {len(project.models)} models,"
        f" {len(project.checks)} checks"
        + (f", {len(project.copies)} seeds and tables of others" if project.copies else "")
    )


class _Drawer:
    """Visitor that collects boxes and edges; a node's value is its name, as children need it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.boxes: list[Box] = []
        self.edges: list[tuple[str, str]] = []

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> str:
        drawn = [parent for parent in parents if parent not in (WINDOW, SETTINGS)]
        self.edges += [(parent, name) for parent in drawn]
        self.boxes.append(self._box(step, name, function))
        return name

    def serves(self, node: str, selected: frozenset[str]) -> bool:
        """Return whether a node is a selected table, a check of one, or leads to one.

        Only ingestion steps and resources are followed to what they lead to; a table that is not
        selected is left out, even if a selected one reads it.
        """
        if node in self.project.tables:
            return node in selected
        if node in self.project.checks:
            return self.project.checks[node].inputs[0] in selected
        children = [child for parent, child in self.edges if parent == node]
        return any(self.serves(child, selected) for child in children)

    def _box(self, step: Step, name: str, function: Callable[..., Any]) -> Box:
        doc = (function.__doc__ or "").strip()
        table = self.project.tables.get(name)
        if step in (Step.FETCH, Step.STAGE, Step.VALIDATE):
            return Box(name, step.value, "source", step.value, name.rpartition("__")[0], doc)
        if step is Step.RESOURCE:
            return Box(name, name, "source", step.value, doc=doc)
        if step is Step.CHECK:
            check = self.project.checks[name]
            note = "blocking" if check.blocking else "warning"
            return Box(name, name, _CHECKS, step.value, note, doc)
        return _FINAL_STEPS[step](name, doc) if table is None else _of_table(table)


def _of_table(spec: IngestionSpec | CopySpec | ModelSpec) -> Box:
    if isinstance(spec, CopySpec):
        return Box(spec.name, spec.table, spec.schema, "copy", spec.origin.kind)
    doc = (spec.function.__doc__ or "").strip()
    if isinstance(spec, ModelSpec):
        return Box(spec.name, spec.table, spec.schema, *_kind(spec), doc)
    key = ", ".join(spec.unique_key)
    return Box(spec.name, spec.table, spec.schema, "merge", f"by {key}", doc)


_FINAL_STEPS = {
    Step.AUDIT: lambda name, doc: Box(name, "audit", "main", "audit", "all checks", doc),
    Step.COMMIT: lambda name, doc: Box(name, name, "main", "commit", "atomic merge", doc),
    Step.PUBLISH: lambda name, doc: Box(name, "Postgres", "postgres", "publication", "marts", doc),
}


def _kind(model: ModelSpec) -> tuple[str, str]:
    """Return the kind and the note of a model's box."""
    if isinstance(model.kind, Incremental):
        by = [model.kind.grain] if model.time_column else []
        return "incremental", f"incremental · {', '.join([*by, *model.key])}"
    return ("view", "view") if model.is_view else ("table", "table")
