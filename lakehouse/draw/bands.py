"""The ground behind the boxes: one band for each layer, and a lane below them for the checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.draw import text
from lakehouse.draw.columns import Span
from lakehouse.draw.curves import Point

EDGE = 13.0
"""How far a band reaches beyond its boxes."""
HEADING = 32.0
"""The room that its caption takes above its boxes."""


@dataclass(frozen=True)
class Band:
    """A captioned ground with its upper left corner at `x`, `y`."""

    name: str
    x: float
    y: float
    width: float
    height: float

    @property
    def caption(self) -> Point:
        """Where the name starts, on its base line."""
        return (self.x + EDGE, self.y + text.CAPTION + 8.0)


def band(span: Span, left: Sequence[float], wide: Sequence[float], high: float, low: float) -> Band:
    """The band around the columns of `span`, whose boxes stand between `high` and `low`."""
    start = left[span.first] - EDGE
    end = left[span.last] + wide[span.last] + EDGE
    return Band(span.name, start, high - HEADING, end - start, low + EDGE - (high - HEADING))
