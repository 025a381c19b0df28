"""Cubic Bézier curves, which SVG draws as paths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]
Curve: TypeAlias = tuple[Point, ...]
"""A start, followed by two control points and an end for each piece."""

_ROUND = 0.5523
"""Distance of the control points of a quarter circle from its ends, as a share of the radius."""


def line(*points: Point) -> Curve:
    """Return straight pieces from point to point."""
    curve = [points[0]]
    for start, end in pairwise(points):
        curve += [_between(start, end, 1 / 3), _between(start, end, 2 / 3), end]
    return tuple(curve)


def swing(start: Point, end: Point) -> Curve:
    """Return an S-shaped curve that is horizontal at `start` and at `end`."""
    middle = (start[0] + end[0]) / 2
    return (start, (middle, start[1]), (middle, end[1]), end)


def bend(points: Sequence[Point], radius: float) -> Curve:
    """Return straight pieces from point to point with rounded corners."""
    curve = line(points[0])
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        curve = _turn(curve, before, corner, after, radius)
    return join(curve, line(curve[-1], points[-1]))


def ring(corners: Sequence[Point], radius: float) -> Curve:
    """Return a closed outline with rounded corners."""
    first = _between(corners[-1], corners[0], 0.5)
    curve = line(first)
    around = (corners[-1], *corners, corners[0])
    for before, corner, after in zip(around, around[1:], around[2:], strict=False):
        curve = _turn(curve, before, corner, after, radius)
    return join(curve, line(curve[-1], first))


def circle(x: float, y: float, radius: float) -> Curve:
    """Return a circle around a point."""
    corners = [(x - radius, y - radius), (x + radius, y - radius)]
    return ring([*corners, (x + radius, y + radius), (x - radius, y + radius)], radius)


def join(*curves: Curve) -> Curve:
    """Return one curve of several, each of which starts where the one before ends."""
    joined = curves[0]
    for curve in curves[1:]:
        joined += curve[1:]
    return joined


def _turn(curve: Curve, before: Point, corner: Point, after: Point, radius: float) -> Curve:
    """Extend a curve up to and around a corner; short sides get a smaller radius."""
    radius = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
    enter = _towards(corner, before, radius)
    leave = _towards(corner, after, radius)
    arc = (
        enter,
        _between(enter, corner, _ROUND),
        _between(leave, corner, _ROUND),
        leave,
    )
    return join(curve, line(curve[-1], enter), arc)


def _towards(start: Point, end: Point, length: float) -> Point:
    whole = math.dist(start, end)
    return _between(start, end, length / whole) if whole else start


def _between(start: Point, end: Point, share: float) -> Point:
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)
