"""The key to the kinds of box that a picture holds."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.draw import text
from lakehouse.draw.curves import Point
from lakehouse.draw.picture import Picture

KEY = (36.0, 22.0)
"""The size of a sample."""

_GAP = 24.0
_ROW = 32.0


@dataclass(frozen=True)
class Key:
    """A kind, with the upper left corner of its sample at `x`, `y`."""

    kind: str
    x: float
    y: float

    @property
    def caption(self) -> Point:
        """Where the name of the kind starts, on its base line."""
        return (self.x + KEY[0] + 8.0, self.y + KEY[1] / 2 + text.CAPTION * 0.35)

    @property
    def end(self) -> float:
        """How far right the name reaches."""
        return self.caption[0] + text.width(self.kind, text.CAPTION)


def legend(picture: Picture, left: float, right: float, top: float) -> tuple[Key, ...]:
    """A key for every kind that occurs, in rows between `left` and `right`."""
    keys: list[Key] = []
    x, y = left, top
    for kind in picture.kinds:
        key = Key(kind, x, y)
        if keys and key.end > right:
            x, y = left, y + _ROW
            key = Key(kind, x, y)
        keys.append(key)
        x = key.end + _GAP
    return tuple(keys)
