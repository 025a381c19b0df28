"""In which column a box stands: one further than everything it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from lakehouse.draw.picture import Box, Picture


@dataclass(frozen=True)
class Span:
    """A layer that has the columns `first` to `last`, both included, for itself."""

    name: str
    first: int
    last: int


def columns(picture: Picture) -> dict[str, int]:
    """The column of every box: the longest path to it, layer after layer.

    A layer starts where the one before it ends, unless the edges run back and forth between
    layers. Checks stand next to what they check and hold no layer up.
    """
    try:
        return _longest(picture.boxes, (*picture.edges, *_fences(picture)))
    except CycleError:
        return _longest(picture.boxes, picture.edges)


def spans(picture: Picture, column: dict[str, int]) -> tuple[Span, ...]:
    """The layers that share no column with another."""
    found = []
    members = _members(picture)
    for layer, boxes in members.items():
        first = min(column[box.id] for box in boxes)
        last = max(column[box.id] for box in boxes)
        if not any(
            first <= column[box.id] <= last
            for other in members
            if other != layer
            for box in members[other]
        ):
            found.append(Span(layer, first, last))
    return tuple(sorted(found, key=lambda span: span.first))


def _longest(boxes: Iterable[Box], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    parents: dict[str, list[str]] = {box.id: [] for box in boxes}
    for source, target in edges:
        parents[target].append(source)
    column: dict[str, int] = {}
    for name in TopologicalSorter(parents).static_order():
        column[name] = max((column[parent] + 1 for parent in parents[name]), default=0)
    return column


def _fences(picture: Picture) -> list[tuple[str, str]]:
    members = _members(picture)
    order = _sequence(picture)
    return [
        (left.id, right.id)
        for before, after in pairwise(order)
        for left in members[before]
        for right in members[after]
    ]


def _sequence(picture: Picture) -> list[str]:
    """The layers, each after those it reads from, else in the order of the picture."""
    members = _members(picture)
    layer = {box.id: name for name, boxes in members.items() for box in boxes}
    waits = {
        (layer[source], layer[target])
        for source, target in picture.edges
        if source in layer and target in layer and layer[source] != layer[target]
    }
    rest = list(members)
    order: list[str] = []
    while rest:
        free = [name for name in rest if not any((other, name) in waits for other in rest)]
        order.append((free or rest)[0])
        rest.remove(order[-1])
    return order


def _members(picture: Picture) -> dict[str, list[Box]]:
    members: dict[str, list[Box]] = {}
    for box in picture.boxes:
        if box.kind != "check":
            members.setdefault(box.layer, []).append(box)
    return members
