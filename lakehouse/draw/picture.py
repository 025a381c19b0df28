"""The content of a picture: boxes and the edges between them, without any positions."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

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


@dataclass(frozen=True)
class Box:
    """A node of the DAG: `note` is a small second line, `doc` the text of its tooltip."""

    id: str
    label: str
    layer: str
    kind: str
    note: str = ""
    doc: str = ""

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
    """Boxes, and edges as pairs of box ids (from, to). Raises ValueError if they form a circle."""

    title: str
    boxes: tuple[Box, ...]
    edges: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        parents: dict[str, list[str]] = {}
        for box in self.boxes:
            if box.id in parents:
                msg = f"two boxes have the id {box.id!r}"
                raise ValueError(msg)
            parents[box.id] = []
        for source, target in self.edges:
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

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers, in the order in which they first occur."""
        return tuple(dict.fromkeys(box.layer for box in self.boxes))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, in the order of `KINDS`."""
        present = {box.kind for box in self.boxes}
        return tuple(kind for kind in KINDS if kind in present)
