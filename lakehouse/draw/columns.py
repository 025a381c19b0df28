"""The column of each box: to the right of every box that leads to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from lakehouse.draw.picture import Box, Picture


@dataclass(frozen=True)
class Span:
    """A layer that alone occupies the columns `first` to `last`, both included."""

    name: str
    first: int
    last: int


def columns(picture: Picture) -> dict[str, int]:
    """Return the column of every box: the length of the longest path to it, layer after layer.

    A layer starts where the one before it ends, unless the edges run back and forth between
    layers. Checks are placed next to the table that they check, and do not delay a layer's start.
    """
    try:
        return _longest(picture.boxes, (*picture.pairs, *_fences(picture)))
    except CycleError:
        return _longest(picture.boxes, picture.pairs)


def spans(picture: Picture, column: dict[str, int]) -> tuple[Span, ...]:
    """Return the layers that share no column with another, from left to right."""
    alone = []
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
            alone.append(Span(layer, first, last))
    return tuple(sorted(alone, key=lambda span: span.first))


def _longest(boxes: Iterable[Box], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the length of the longest path to each box. Raises CycleError."""
    parents: dict[str, list[str]] = {box.id: [] for box in boxes}
    for source, target in edges:
        parents[target].append(source)
    column: dict[str, int] = {}
    for name in TopologicalSorter(parents).static_order():
        column[name] = max((column[parent] + 1 for parent in parents[name]), default=0)
    return column


def _fences(picture: Picture) -> list[tuple[str, str]]:
    """Return extra edges from every box of a layer to every box of the next layer."""
    members = _members(picture)
    order = _sequence(picture)
    return [
        (left.id, right.id)
        for before, after in pairwise(order)
        for left in members[before]
        for right in members[after]
    ]


def _sequence(picture: Picture) -> list[str]:
    """Return the layers, each after those it reads from. Raises CycleError."""
    members = _members(picture)
    layer = {box.id: name for name, boxes in members.items() for box in boxes}
    parents: dict[str, list[str]] = {name: [] for name in members}
    for source, target in picture.pairs:
        if source in layer and target in layer and layer[source] != layer[target]:
            parents[layer[target]].append(layer[source])
    return list(TopologicalSorter(parents).static_order())


def _members(picture: Picture) -> dict[str, list[Box]]:
    """Return the boxes of each layer, without the checks."""
    members: dict[str, list[Box]] = {}
    for box in picture.boxes:
        if box.kind != "check":
            members.setdefault(box.layer, []).append(box)
    return members
