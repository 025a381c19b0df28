"""The content of a picture: boxes, their columns, and edges, without any positions."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from html import escape
from typing import NamedTuple

KINDS: tuple[str, ...] = (
    "resource",
    "fetch",
    "stage",
    "validate",
    "merge",
    "copy",
    "view",
    "table",
    "incremental",
    "check",
    "audit",
    "commit",
    "publication",
)
"""The kinds of box, in the order of the legend."""
GATHERS = frozenset({"audit", "commit"})
"""The kinds of box that many edges lead to; such edges are drawn as one bundle below the others."""


class Port(NamedTuple):
    """A column of a box; an empty name stands for the box as a whole: which rows it has."""

    box: str
    column: str = ""


@dataclass(frozen=True)
class Link:
    """An edge between columns: the value of one is made of the other, or is influenced by it."""

    source: Port
    target: Port
    is_value: bool


@dataclass(frozen=True)
class Box:
    """A node of the DAG: `note` is a small second line, `doc` the text of its tooltip."""

    id: str
    label: str
    layer: str
    kind: str
    note: str = ""
    doc: str = ""
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"a box is one of {', '.join(KINDS)}, {self.id!r} is {self.kind!r}"
            raise ValueError(msg)

    @property
    def facts(self) -> str:
        """The kind, note and layer in one line; the kind is left out if the note begins with it."""
        kind = "" if self.note.startswith(self.kind) else self.kind
        return " · ".join(filter(None, (kind, self.note, self.layer)))


@dataclass(frozen=True)
class Picture:
    """Boxes, edges as pairs of box ids (from, to), and links between columns.

    A notebook shows it by itself. Raises ValueError if the edges form a circle.
    """

    title: str
    boxes: tuple[Box, ...]
    edges: tuple[tuple[str, str], ...]
    links: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        parents: dict[str, list[str]] = {}
        ports = {Port(box.id, column) for box in self.boxes for column in ("", *box.columns)}
        for box in self.boxes:
            if box.id in parents:
                msg = f"two boxes have the id {box.id!r}"
                raise ValueError(msg)
            parents[box.id] = []
        for port in (port for link in self.links for port in (link.source, link.target)):
            if port not in ports:
                msg = f"a link leads to the column {port.column!r} of {port.box!r}, which has none"
                raise ValueError(msg)
        for source, target in self.pairs:
            for end in (source, target):
                if end not in parents:
                    msg = f"the edge {source!r} → {target!r} has no box {end!r}"
                    raise ValueError(msg)
            parents[target].append(source)
        try:
            TopologicalSorter(parents).prepare()
        except CycleError as error:
            msg = f"the edges run in a circle: {' → '.join(error.args[1])}"
            raise ValueError(msg) from None

    def _repr_svg_(self) -> str:
        from lakehouse.draw.svg import svg

        return svg(self)

    def _repr_html_(self) -> str:
        """Return the picture in its own size, to scroll: apart from the styles of a notebook."""
        encoded = b64encode(self._repr_svg_().encode(errors="replace")).decode()
        image = f'<img alt="{escape(self.title)}" src="data:image/svg+xml;base64,{encoded}"'
        return f'<div style="overflow:auto">{image} style="max-width:none"></div>'

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The boxes that an edge, or a link between columns, leads from and to."""
        linked = ((link.source.box, link.target.box) for link in self.links)
        return tuple(dict.fromkeys((*self.edges, *linked)))

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers, in the order in which they first occur."""
        return tuple(dict.fromkeys(box.layer for box in self.boxes))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, in the order of `KINDS`."""
        present = {box.kind for box in self.boxes}
        return tuple(kind for kind in KINDS if kind in present)
