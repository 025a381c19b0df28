"""The strokes that a box is drawn with: its outline, its border and its icon."""

from __future__ import annotations

from lakehouse.draw.curves import Curve, Point, circle, join, line, ring, swing
from lakehouse.draw.theme import STYLES, Shape

ICON = 16.0
"""Side of the square that an icon is drawn in, in pixels."""

_POINT = 10.0
_TRAY = line((2.5, 11), (2.5, 14), (13.5, 14), (13.5, 11))

_SHIELD: tuple[Curve, ...] = (
    (
        *line((8, 1.4), (13.6, 3.4), (13.6, 7.6)),
        *((13.6, 11.2), (11, 13.5), (8, 14.7)),
        *((5, 13.5), (2.4, 11.2), (2.4, 7.6)),
        *line((2.4, 7.6), (2.4, 3.4), (8, 1.4))[1:],
    ),
    line((5.3, 7.8), (7.3, 9.8), (10.8, 5.9)),
)

ICONS: dict[str, tuple[Curve, ...]] = {
    "resource": (
        circle(8, 8, 6),
        line((2, 8), (14, 8)),
        ring([(5.4, 2), (10.6, 2), (10.6, 14), (5.4, 14)], 2.6),
    ),
    "fetch": (line((8, 2), (8, 10.5)), line((4.5, 7), (8, 10.5), (11.5, 7)), _TRAY),
    "stage": (
        ring([(8, 2), (14, 5), (8, 8), (2, 5)], 0.6),
        line((2, 8.2), (8, 11.2), (14, 8.2)),
        line((2, 11.4), (8, 14.4), (14, 11.4)),
    ),
    "validate": (
        line((1.8, 4.2), (3.4, 5.8), (6.2, 2.4)),
        line((8.5, 4.2), (14.2, 4.2)),
        line((1.8, 11.4), (3.4, 13), (6.2, 9.6)),
        line((8.5, 11.4), (14.2, 11.4)),
    ),
    "merge": (
        join(swing((1.5, 3), (8.5, 8)), line((8.5, 8), (14, 8))),
        swing((1.5, 13), (8.5, 8)),
        line((11, 5), (14, 8), (11, 11)),
    ),
    "copy": (
        ring([(5.5, 5.5), (14, 5.5), (14, 14), (5.5, 14)], 1.5),
        line((2, 10.5), (2, 2), (10.5, 2)),
    ),
    "view": (
        ((1.2, 8), (4, 2.8), (12, 2.8), (14.8, 8), (12, 13.2), (4, 13.2), (1.2, 8)),
        circle(8, 8, 2.1),
    ),
    "table": (
        ring([(2, 2.5), (14, 2.5), (14, 13.5), (2, 13.5)], 1.5),
        line((2, 6.2), (14, 6.2)),
        line((2, 9.9), (14, 9.9)),
        line((7, 6.2), (7, 13.5)),
    ),
    "incremental": (circle(8, 8, 6.2), line((8, 4.4), (8, 8), (10.8, 9.6))),
    "check": _SHIELD,
    "audit": _SHIELD,
    "commit": (circle(8, 8, 3.2), line((0.8, 8), (4.8, 8)), line((11.2, 8), (15.2, 8))),
    "publication": (line((8, 10.5), (8, 2)), line((4.5, 5.5), (8, 2), (11.5, 5.5)), _TRAY),
}


def inset(kind: str) -> float:
    """Return the pixels at either end of a box of this kind in which no text fits."""
    return {"pill": 5.0, "step": _POINT, "hexagon": _POINT, "octagon": 4.0}.get(
        STYLES[kind].shape, 2.0
    )


def outline(kind: str, x: float, y: float, width: float, height: float) -> Curve:
    """Return the closed outline of a box with its upper left corner at `x`, `y`."""
    shape = STYLES[kind].shape
    radius = {"round": 9.0, "pill": height / 2}.get(shape, 3.0)
    corners = _corners(shape, width, height)
    return ring([(x + across, y + down) for across, down in corners], radius)


def border(kind: str, x: float, y: float, width: float, height: float) -> tuple[Curve, ...]:
    """Return the additional strokes inside the outline."""
    style = STYLES[kind].border
    if style == "double":
        return (outline(kind, x + 3, y + 3, width - 6, height - 6),)
    if style == "barred":
        sides = (x + 4.5, x + width - 4.5)
        return tuple(line((side, y), (side, y + height)) for side in sides)
    return ()


def _corners(shape: Shape, width: float, height: float) -> list[Point]:
    middle, point = height / 2, min(_POINT, height / 2)
    if shape == "step":
        return [
            *((0.0, 0.0), (width - point, 0.0), (width, middle)),
            *((width - point, height), (0.0, height)),
        ]
    if shape == "hexagon":
        return [
            *((point, 0.0), (width - point, 0.0), (width, middle)),
            *((width - point, height), (point, height), (0.0, middle)),
        ]
    if shape == "octagon":
        point = min(point, height / 4)
        return [
            *((point, 0.0), (width - point, 0.0), (width, point), (width, height - point)),
            *((width - point, height), (point, height), (0.0, height - point), (0.0, point)),
        ]
    return [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
