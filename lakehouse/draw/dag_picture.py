"""The visitor that draws the DAG: every node becomes a box, every parameter an edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lakehouse.compile import dag
from lakehouse.compile.dag import Step
from lakehouse.declare.project import SETTINGS, Project
from lakehouse.declare.specs import WINDOW
from lakehouse.draw.lineage_picture import links
from lakehouse.draw.picture import Box, Picture
from lakehouse.draw.table_box import table_box
from lakehouse.lineage import Column, Lineage

_CHECKS = "checks"


def picture(
    project: Project,
    selected: frozenset[str] | None = None,
    lineage: Lineage | None = None,
) -> Picture:
    """Return the DAG as a picture, or only the part that belongs to the selected tables.

    With a lineage, tables have their columns, and links lead from column to column.
    """
    drawer = _Drawer(project)
    dag.visit(project, drawer)
    boxes = drawer.boxes
    if selected is not None:
        boxes = [box for box in boxes if drawer.serves(box.id, selected)]
    shown = {box.id for box in boxes}
    edges = [edge for edge in drawer.edges if set(edge) <= shown]
    drawn = Picture(project_title(project), tuple(boxes), tuple(edges))
    return drawn if lineage is None else _with_columns(drawn, project, lineage)


def _with_columns(drawn: Picture, project: Project, lineage: Lineage) -> Picture:
    """Return a picture with the columns of its tables; links are drawn in place of edges."""
    boxes = {project.tables[box.id].table: box for box in drawn.boxes if box.id in project.tables}
    columns = [column for table in boxes for column in lineage.columns_of(table)]
    linked = links(lineage, columns, {table: box.id for table, box in boxes.items()})
    pairs = {(link.source.box, link.target.box) for link in linked}
    return Picture(
        drawn.title,
        tuple(_with_names(box, project, lineage) for box in drawn.boxes),
        tuple(edge for edge in drawn.edges if edge not in pairs),
        linked,
    )


def _with_names(box: Box, project: Project, lineage: Lineage) -> Box:
    if box.id not in project.tables:
        return box
    columns: list[Column] = lineage.columns_of(project.tables[box.id].table)
    return replace(box, columns=tuple(column.name for column in columns))


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
        return _FINAL_STEPS[step](name, doc) if table is None else table_box(table)


_FINAL_STEPS = {
    Step.AUDIT: lambda name, doc: Box(name, "audit", "main", "audit", "all checks", doc),
    Step.COMMIT: lambda name, doc: Box(name, name, "main", "commit", "atomic merge", doc),
    Step.PUBLISH: lambda name, doc: Box(name, "Postgres", "postgres", "publication", "marts", doc),
}
