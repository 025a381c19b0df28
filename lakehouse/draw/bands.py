"""Coloured bands behind the boxes: one for each layer, and one below them for the checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.draw import text
from lakehouse.draw.columns import Span
from lakehouse.draw.curves import Point

EDGE = 13.0
"""Pixels that a band reaches beyond its boxes."""
HEADING = 32.0
"""Pixels above the boxes of a band, for its caption."""


@dataclass(frozen=True)
class Band:
    """A coloured area with a caption; its upper left corner is at `x`, `y`."""

    name: str
    x: float
    y: float
    width: float
    height: float

    @property
    def caption(self) -> Point:
        """Left end of the caption's base line."""
        return (self.x + EDGE, self.y + text.CAPTION + 8.0)


def band(span: Span, left: Sequence[float], wide: Sequence[float], high: float, low: float) -> Band:
    """Return the band around the columns of `span`, whose boxes lie between `high` and `low`."""
    start = left[span.first] - EDGE
    end = left[span.last] + wide[span.last] + EDGE
    return Band(span.name, start, high - HEADING, end - start, low + EDGE - (high - HEADING))
