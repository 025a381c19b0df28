"""The legend: a small sample and the name of each kind of box, and of line, in the picture."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.draw import text
from lakehouse.draw.curves import Point
from lakehouse.draw.picture import Picture

KEY = (36.0, 22.0)
"""Width and height of a sample, in pixels."""

LINES = ("value", "influence")
"""The kinds of link between columns, which are no kinds of box."""

_GAP = 24.0
"""Pixels between an entry and the next."""
_ROW = 32.0
"""Pixels from a row of entries to the next."""


@dataclass(frozen=True)
class Key:
    """Entry of the legend for a kind; the upper left corner of its sample is at `x`, `y`."""

    kind: str
    x: float
    y: float

    @property
    def caption(self) -> Point:
        """Left end of the base line of the kind's name."""
        return (self.x + KEY[0] + 8.0, self.y + KEY[1] / 2 + text.CAPTION * 0.35)

    @property
    def end(self) -> float:
        """The `x` at which the name ends."""
        return self.caption[0] + text.width(self.kind, text.CAPTION)


def legend(picture: Picture, left: float, right: float, top: float) -> tuple[Key, ...]:
    """Return an entry for every kind in the picture, in rows between `left` and `right`."""
    lines = LINES if picture.links else ()
    keys: list[Key] = []
    x, y = left, top
    for kind in (*picture.kinds, *lines):
        key = Key(kind, x, y)
        if keys and key.end > right:
            x, y = left, y + _ROW
            key = Key(kind, x, y)
        keys.append(key)
        x = key.end + _GAP
    return tuple(keys)
