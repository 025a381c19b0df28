"""Layout: a picture becomes placed boxes, routes, bands and a legend. All lengths are pixels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from lakehouse.draw import text
from lakehouse.draw.bands import EDGE, HEADING, Band, band
from lakehouse.draw.columns import Span, columns, spans
from lakehouse.draw.curves import Point
from lakehouse.draw.heights import settle
from lakehouse.draw.legend import KEY, Key, legend
from lakehouse.draw.order import Links, Node, Ranks, neighbours, untangle
from lakehouse.draw.picture import Box, Picture, Port
from lakehouse.draw.routes import Route, around, bundles, floors, through
from lakehouse.draw.shapes import ICON, inset

_MARGIN = 28.0
"""Space around the picture."""
_PAD, _ICON_GAP = 10.0, 8.0
"""Space at either end of a box, and between its icon and its text."""
_TALL, _LOW, _PASSING = 44.0, 34.0, 6.0
"""Heights of a box with a note, of a box without one, and of an edge that crosses a column."""
_LINE, _UNDER = 18.0, 7.0
"""Height of a column in a box, and space below the last one."""
_APART = 16.0
"""Least vertical space between boxes."""
_SNAP = 4.0
"""Grid that heights are rounded to, in pixels, so that almost level lines become level."""
_GAP, _BESIDE = 32.0, 12.0
"""Least space between columns, and what the edge of a band or the ends of a bundle add to it."""
_WIDEN, _WIDEST = 0.16, 44.0
"""Space that steep lines add: a share of their height, and the most of it."""


@dataclass(frozen=True)
class Placed:
    """A box with its upper left corner at `x`, `y`."""

    box: Box
    column: int
    x: float
    y: float
    width: float
    height: float

    @property
    def icon(self) -> Point:
        """The upper left corner of the icon."""
        return (self.x + _PAD + inset(self.box.kind), self.head - ICON / 2)

    @property
    def baselines(self) -> tuple[Point, Point]:
        """Left ends of the base lines of the label and of the note."""
        left = self.icon[0] + ICON + _ICON_GAP
        if not self.box.note:
            return (left, self.head + 4.5), (left, self.head)
        return (left, self.head - 3.0), (left, self.head + 13.0)

    @property
    def head(self) -> float:
        """The `y` of the middle of the part above the columns; of the whole box without any."""
        return self.y + _head(self.box) / 2

    @property
    def rows(self) -> dict[str, float]:
        """The `y` of the middle of each column."""
        top = self.y + _head(self.box) + _LINE / 2
        return {name: top + number * _LINE for number, name in enumerate(self.box.columns)}

    def port(self, column: str) -> float:
        """Return the `y` at which lines of a column begin and end; of the box as a whole for ''."""
        return self.rows[column] if column else self.head

    @property
    def middle(self) -> float:
        """The `y` of the middle."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Layout:
    """A picture with positions, on an area of `width` by `height` pixels."""

    picture: Picture
    width: float
    height: float
    boxes: tuple[Placed, ...]
    routes: tuple[Route, ...]
    bands: tuple[Band, ...]
    keys: tuple[Key, ...]
    title: Point


def place(picture: Picture) -> Layout:
    """Lay a picture out in columns: checks in a lane below, bundled edges under everything."""
    return _Placement(picture).layout()


class _Placement:
    """The steps of `place`; each uses the results of those before it."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.box = {box.id: box for box in picture.boxes}
        self.edges = picture.pairs
        self.column = columns(picture)
        self.count = max(self.column.values(), default=-1) + 1
        self.spans = spans(picture, self.column)
        self.bundled = bundles(picture)
        self.links = self._links()
        self.top = _MARGIN + (text.TITLE + _APART if picture.title else 0.0)
        self.middle = self._middles()
        self.left, self.wide = self._across()
        self.placed = {box.id: self._placed(box) for box in picture.boxes}

    def layout(self) -> Layout:
        """Return all positions and the size of the whole picture."""
        grounds = self._bands()
        low = [ground.y + ground.height for ground in grounds]
        low += [placed.y + placed.height + EDGE for placed in self.placed.values()]
        bottom = max(low, default=self.top)
        floor = floors(self.bundled, bottom + _APART)
        bottom = max([bottom, *floor.values()])
        ends = [ground.x + ground.width for ground in grounds]
        ends += [placed.x + placed.width for placed in self.placed.values()]
        right = max([*ends, _MARGIN + text.width(self.picture.title, text.TITLE)])
        keys = legend(self.picture, _MARGIN, right, bottom + 2 * _APART)
        return Layout(
            picture=self.picture,
            width=float(ceil(max([right, *(key.end for key in keys)]) + _MARGIN)),
            height=max([bottom, *(key.y + KEY[1] for key in keys)]) + _MARGIN,
            boxes=tuple(self.placed.values()),
            routes=self._routes(floor),
            bands=grounds,
            keys=keys,
            title=(_MARGIN, _MARGIN + text.TITLE * 0.8),
        )

    def _lane(self, node: Node) -> int:
        """Return 1 for a check, 0 for any other box."""
        return int(self.box[node[0]].kind == "check")

    def _size(self, node: Node) -> float:
        return _height(self.box[node[0]]) if node == self._node(node[0]) else _PASSING

    def _node(self, name: str) -> Node:
        return (name, self.column[name])

    def _path(self, source: str, target: str) -> list[Node]:
        """Return the nodes that an edge runs through; edges with the same source share them."""
        passed = range(self.column[source], self.column[target])
        return [*((source, at) for at in passed), self._node(target)]

    def _links(self) -> Links:
        links: Links = {}
        for source, target in self.edges:
            if target not in self.bundled:
                links.update(dict.fromkeys(pairwise(self._path(source, target))))
        return links

    def _gathered(self) -> list[tuple[Node, Node]]:
        """Return the ends of the bundled edges."""
        pairs = [edge for edge in self.edges if edge[1] in self.bundled]
        return [(self._node(source), self._node(target)) for source, target in pairs]

    def _middles(self) -> dict[Node, float]:
        """Return the `y` of every node's middle: checks lie below all other nodes."""
        nodes = dict.fromkeys(map(self._node, self.box))
        nodes.update(dict.fromkeys(node for link in self.links for node in link))
        ranks: Ranks = [[] for _ in range(self.count)]
        for node in nodes:
            ranks[node[1]].append(node)
        ranks = untangle(ranks, self.links, self._lane)
        middle: dict[Node, float] = {}
        top = self.top + HEADING
        for lane in sorted(set(map(self._lane, nodes))):
            # A commit is drawn level with the nodes that lead to it, but does not move those nodes.
            members = [[node for node in rank if self._lane(node) == lane] for rank in ranks]
            near = [link for link in self.links if {*map(self._lane, link)} == {lane}]
            pulls = [pair for pair in self._gathered() if {*map(self._lane, pair)} == {lane}]
            before = neighbours((target, source) for source, target in (*near, *pulls))
            at = settle(members, before, neighbours(near), self._size, _APART)
            shift = top - min(place - self._size(node) / 2 for node, place in at.items())
            middle.update(
                (node, _SNAP * round((place + shift) / _SNAP)) for node, place in at.items()
            )
            top = max(middle[node] + self._size(node) / 2 for node in at)
            top += EDGE + _APART + HEADING
        return middle

    def _across(self) -> tuple[list[float], list[float]]:
        """Return left edge and width of every column; steep lines get a wider gap before them."""
        wide = [0.0] * self.count
        for box in self.picture.boxes:
            wide[self.column[box.id]] = max(wide[self.column[box.id]], _width(box))
        for span in self.spans:
            wide[span.first] = max(wide[span.first], text.width(span.name, text.CAPTION))
        steep = [0.0] * self.count
        for source, target in self.links:
            climb = abs(self.middle[source] - self.middle[target])
            steep[source[1]] = max(steep[source[1]], climb)
        edges = {side for span in self.spans for side in (span.first - 1, span.last)}
        stems = {at for pair in self._gathered() for at in (pair[0][1], pair[1][1] - 1)}
        left = [_MARGIN + EDGE] * self.count
        for before, at in pairwise(range(self.count)):
            gap = _GAP + min(steep[before] * _WIDEN, _WIDEST)
            gap += _BESIDE * ((before in edges) + (before in stems))
            left[at] = float(round(left[before] + wide[before] + gap))
        return left, wide

    def _placed(self, box: Box) -> Placed:
        node, height = self._node(box.id), _height(box)
        at = node[1]
        return Placed(box, at, self.left[at], self.middle[node] - height / 2, self.wide[at], height)

    def _routes(self, floor: dict[str, float]) -> tuple[Route, ...]:
        edges = dict.fromkeys(self.picture.edges)
        return (
            *(self._route(Port(source), Port(target), floor) for source, target in edges),
            *(
                self._route(link.source, link.target, {}, dashed=not link.is_value)
                for link in self.picture.links
            ),
        )

    def _route(
        self, source: Port, target: Port, floor: dict[str, float], *, dashed: bool = False
    ) -> Route:
        start, end = self.placed[source.box], self.placed[target.box]
        leave = (start.x + start.width, start.port(source.column))
        tip = (end.x, end.port(target.column))
        bundled = target.box in floor
        if bundled:
            curve = around(leave, floor[target.box], tip)
        else:
            gates = [self._gate(node) for node in self._path(source.box, target.box)[1:-1]]
            curve = through(leave, gates, tip)
        return Route(source, target, bundled, curve, tip, dashed)

    def _gate(self, node: Node) -> tuple[Point, Point]:
        left, down = self.left[node[1]], self.middle[node]
        return (left, down), (left + self.wide[node[1]], down)

    def _bands(self) -> tuple[Band, ...]:
        rows = [(self._lane(node), at, self._size(node) / 2) for node, at in self.middle.items()]
        lanes = {lane: self.spans for lane, _at, _half in rows}
        checked = [self.column[box.id] for box in self.picture.boxes if box.kind == "check"]
        if checked:
            lanes[1] = (Span("checks", min(checked), max(checked)),)
        return tuple(
            band(
                span,
                self.left,
                self.wide,
                min(at - half for row, at, half in rows if row == lane),
                max(at + half for row, at, half in rows if row == lane),
            )
            for lane in sorted(lanes)
            for span in lanes[lane]
        )


def _width(box: Box) -> float:
    words = max(text.width(box.label, text.LABEL), text.width(box.note, text.NOTE))
    columns = max((text.width(name, text.CAPTION) for name in box.columns), default=0.0)
    room = max(ICON + _ICON_GAP + words, columns)
    return float(round(2 * (_PAD + inset(box.kind)) + room))


def _height(box: Box) -> float:
    return _head(box) + (len(box.columns) * _LINE + _UNDER if box.columns else 0.0)


def _head(box: Box) -> float:
    """Return the height of the part of a box that is above its columns."""
    return _TALL if box.note else _LOW
