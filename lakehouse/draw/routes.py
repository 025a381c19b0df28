"""The lines between the boxes: through the gaps between columns, never across a box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.draw.curves import Curve, Point, bend, join, line, swing
from lakehouse.draw.picture import Picture

HEAD = 7.0
"""The length of an arrow head."""
DOWN = 18.0
"""How far right of a column its bundled edges go down."""
UP = 22.0
"""How far left of a column a bundle comes up."""

_FEW = 2
_CORNER = 9.0


@dataclass(frozen=True)
class Route:
    """The line of an edge: it ends one arrow head before `tip`."""

    source: str
    target: str
    bundled: bool
    curve: Curve
    tip: Point


def bundles(picture: Picture) -> tuple[str, ...]:
    """The commits that so many edges lead to that these run together, out of the way."""
    arriving = Counter(target for _source, target in dict.fromkeys(picture.edges))
    return tuple(
        box.id for box in picture.boxes if box.kind == "commit" and arriving[box.id] > _FEW
    )


def through(start: Point, gates: Sequence[tuple[Point, Point]], tip: Point) -> Curve:
    """A line that swings from column to column, level where it passes through one."""
    pieces: list[Curve] = []
    at = start
    for enter, leave in gates:
        pieces += [swing(at, enter), line(enter, leave)]
        at = leave
    return join(*pieces, swing(at, (tip[0] - HEAD, tip[1])))


def around(start: Point, floor: float, tip: Point) -> Curve:
    """A line that goes down beside its column, along the `floor`, and up to its end."""
    down, up = start[0] + DOWN, tip[0] - UP
    corners = ((down, start[1]), (down, floor), (up, floor), (up, tip[1]))
    return bend((start, *corners, (tip[0] - HEAD, tip[1])), _CORNER)


def floors(commits: Sequence[str], bottom: float) -> dict[str, float]:
    """How far down the bundle of each commit runs."""
    return {name: bottom + 10.0 * number for number, name in enumerate(commits)}
