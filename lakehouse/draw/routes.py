"""The lines between the boxes: they never cross a box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.draw.curves import Curve, Point, bend, join, line, swing
from lakehouse.draw.picture import GATHERS, Picture, Port

HEAD = 7.0
"""Length of an arrow head, in pixels."""
DOWN = 18.0
"""Pixels to the right of a column at which its bundled edges go down."""
UP = 22.0
"""Pixels to the left of a column at which a bundle comes up."""

_FEW = 2
"""A box with at most this many incoming edges has them drawn singly."""
_CORNER = 9.0
"""Radius of the corners of a bundle, in pixels."""


@dataclass(frozen=True)
class Route:
    """The line of an edge; it ends before `tip` by the length of the arrow head."""

    source: Port
    target: Port
    bundled: bool
    curve: Curve
    tip: Point
    dashed: bool = False


def bundles(picture: Picture) -> tuple[str, ...]:
    """Return the boxes whose incoming edges are so many that they are drawn as one bundle."""
    arriving = Counter(target for _source, target in dict.fromkeys(picture.edges))
    return tuple(box.id for box in picture.boxes if box.kind in GATHERS and arriving[box.id] > _FEW)


def through(start: Point, gates: Sequence[tuple[Point, Point]], tip: Point) -> Curve:
    """Return a line that swings through the gaps between columns and is level within a column.

    `gates` are the points at which it enters and leaves each column that it crosses.
    """
    pieces: list[Curve] = []
    at = start
    for enter, leave in gates:
        pieces += [swing(at, enter), line(enter, leave)]
        at = leave
    return join(*pieces, swing(at, (tip[0] - HEAD, tip[1])))


def around(start: Point, floor: float, tip: Point) -> Curve:
    """Return a line that goes down beside its column, along `floor` (its `y`), and up to `tip`."""
    down, up = start[0] + DOWN, tip[0] - UP
    corners = ((down, start[1]), (down, floor), (up, floor), (up, tip[1]))
    return bend((start, *corners, (tip[0] - HEAD, tip[1])), _CORNER)


def floors(commits: Sequence[str], bottom: float) -> dict[str, float]:
    """Return the `y` at which the bundle of each of these boxes runs, below `bottom`."""
    return {name: bottom + 10.0 * number for number, name in enumerate(commits)}
