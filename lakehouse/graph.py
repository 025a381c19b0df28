"""The drawing reading of the DAG: every node becomes a box, every parameter an edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse import dag
from lakehouse.dag import Step
from lakehouse.declare import Incremental, ModelSpec, View
from lakehouse.draw.picture import Box, Picture
from lakehouse.project import SETTINGS, WINDOW, Project

_CHECKS = "checks"


def picture(project: Project, selected: frozenset[str] | None = None) -> Picture:
    """The DAG as a picture, or the part of it that belongs to the selected tables."""
    reading = _Draw(project)
    dag.read(project, reading)
    boxes = reading.boxes
    if selected is not None:
        boxes = [box for box in boxes if reading.serves(box.id, selected)]
    shown = {box.id for box in boxes}
    edges = [edge for edge in reading.edges if set(edge) <= shown]
    return Picture(project_title(project), tuple(boxes), tuple(edges))


def project_title(project: Project) -> str:
    """What the picture is of, in a line."""
    return (
        f"{len(project.ingestions)} ingestions, {len(project.models)} models,"
        f" {len(project.checks)} checks"
    )


class _Draw:
    """Gives every node its own name as value, so that children see who their parents are."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.boxes: list[Box] = []
        self.edges: list[tuple[str, str]] = []

    def node(
        self, step: Step, name: str, function: Callable[..., Any], parents: Mapping[str, Any]
    ) -> str:
        known = [parent for parent in parents if parent not in (WINDOW, SETTINGS)]
        self.edges += [(parent, name) for parent in known]
        self.boxes.append(self._box(step, name, function))
        return name

    def serves(self, node: str, selected: frozenset[str]) -> bool:
        """Whether a node is one of the selected tables, a check of one, or feeds only them."""
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
        if table is None:
            return _LAST[step](name, doc)
        doc = (table.function.__doc__ or "").strip()
        if isinstance(table, ModelSpec):
            return Box(name, table.table, table.schema, *_kind(table), doc)
        return Box(
            name, table.table, table.schema, "merge", f"by {', '.join(table.unique_key)}", doc
        )


_LAST = {
    Step.COMMIT: lambda name, doc: Box(name, name, "main", "commit", "atomic merge", doc),
    Step.PUBLISH: lambda name, doc: Box(name, "Postgres", "postgres", "publication", "marts", doc),
}


def _kind(model: ModelSpec) -> tuple[str, str]:
    if isinstance(model.kind, Incremental):
        by = [model.kind.grain] if model.time_column else []
        return "incremental", f"incremental · {', '.join([*by, *model.key])}"
    return ("view", "view") if isinstance(model.kind, View) else ("table", "table")
