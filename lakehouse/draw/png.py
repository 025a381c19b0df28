"""The picture as a PNG, drawn with Pillow at twice its size."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from math import dist
from typing import TYPE_CHECKING

from lakehouse.draw import text
from lakehouse.draw.curves import Curve, Point, sample
from lakehouse.draw.layout import Layout, place
from lakehouse.draw.legend import KEY
from lakehouse.draw.picture import Picture
from lakehouse.draw.routes import HEAD
from lakehouse.draw.shapes import ICON, ICONS, border, outline
from lakehouse.draw.theme import LIGHT, STYLES
from lakehouse.errors import ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

_SCALE = 2
_FINE = 2
"""Shapes are drawn this many times larger once more, and shrunk, for smooth edges."""
_STRIP = 400
"""How many pixels of the finished picture are drawn large at a time, to spare memory."""
_DASH = (5.0, 3.5)


def png(picture: Picture) -> bytes:
    """The picture as the bytes of a PNG file. Raises ConfigError if Pillow is not installed."""
    try:
        from PIL import Image
    except ImportError:
        raise ConfigError(
            "a .png is drawn with Pillow, which is not installed",
            hint="run `pip install pillow`, or write a .svg, which needs nothing",
        ) from None
    layout = place(picture)
    size = (round(layout.width * _SCALE), round(layout.height * _SCALE))
    image = Image.new("RGB", size, LIGHT.ground)
    for top in range(0, size[1], _STRIP):
        high = min(_STRIP, size[1] - top)
        strip = Image.new("RGB", (size[0] * _FINE, high * _FINE), LIGHT.ground)
        _Pen(strip, top / _SCALE).draw(layout)
        image.paste(strip.reduce(_FINE), (0, top))
    _write(image, layout)
    target = BytesIO()
    image.save(target, "PNG", optimize=True)
    return target.getvalue()


class _Pen:
    """Draws shapes on a large strip of the picture that starts `top` down."""

    def __init__(self, strip: Pixels, top: float) -> None:
        from PIL import ImageDraw

        self.on = ImageDraw.Draw(strip)
        self.top = top

    def draw(self, layout: Layout) -> None:
        for band in layout.bands:
            area = ((band.x, band.y), (band.x + band.width, band.y + band.height))
            self.on.rounded_rectangle(
                self._points(area), radius=10 * _SCALE * _FINE, fill=LIGHT.band
            )
        for route in sorted(layout.routes, key=lambda route: not route.bundled):
            colour = LIGHT.bundle if route.bundled else LIGHT.edge
            self._stroke(sample(route.curve), colour, 1.3 if route.bundled else 1.6)
            x, y = route.tip
            head = ((x, y), (x - HEAD, y - 4), (x - HEAD, y + 4))
            self.on.polygon(self._points(head), fill=LIGHT.edge)
        for placed in layout.boxes:
            area_of_box = (placed.x, placed.y, placed.width, placed.height)
            self._box(placed.box.kind, area_of_box, placed.icon)
        for key in layout.keys:
            icon = (key.x + (KEY[0] - ICON) / 2, key.y + (KEY[1] - ICON) / 2)
            self._box(key.kind, (key.x, key.y, *KEY), icon)

    def _box(self, kind: str, area: tuple[float, float, float, float], icon: Point) -> None:
        style, ink = STYLES[kind], STYLES[kind].light
        mark = ink.text if ink.fill == ink.line else ink.line
        shape = sample(outline(kind, *area))
        self.on.polygon(self._points(shape), fill=ink.fill)
        for piece in _dashes(shape) if style.border == "dashed" else [shape]:
            self._stroke(piece, ink.line, 1.6)
        for each in border(kind, *area):
            self._stroke(sample(each), mark, 1.1)
        for each in ICONS[kind]:
            self._stroke(sample(_shifted(each, icon)), mark, 1.4)

    def _stroke(self, points: list[Point], colour: str, width: float) -> None:
        self.on.line(
            self._points(points), fill=colour, width=round(width * _SCALE * _FINE), joint="curve"
        )

    def _points(self, points: tuple[Point, ...] | list[Point]) -> list[Point]:
        scale = _SCALE * _FINE
        return [(x * scale, (y - self.top) * scale) for x, y in points]


def _write(image: Pixels, layout: Layout) -> None:
    from PIL import ImageDraw, ImageFont

    on = ImageDraw.Draw(image)

    def words(at: Point, words: str, size: float, colour: str) -> None:
        font = ImageFont.load_default(size * _SCALE)
        line = " ".join(words.split())
        on.text((at[0] * _SCALE, at[1] * _SCALE), line, fill=colour, font=font, anchor="ls")

    words(layout.title, layout.picture.title, text.TITLE, LIGHT.text)
    for band in layout.bands:
        words(band.caption, band.name, text.CAPTION, LIGHT.caption)
    for placed in layout.boxes:
        ink = STYLES[placed.box.kind].light
        label, note = placed.baselines
        words(label, placed.box.label, text.LABEL, ink.text)
        words(note, placed.box.note, text.NOTE, ink.note)
    for key in layout.keys:
        words(key.caption, key.kind, text.CAPTION, LIGHT.caption)


def _shifted(curve: Curve, by: Point) -> Curve:
    return tuple((x + by[0], y + by[1]) for x, y in curve)


def _dashes(points: list[Point]) -> list[list[Point]]:
    """The pieces of a dashed line."""
    dashes: list[list[Point]] = []
    drawing, left, dash = True, _DASH[0], [points[0]]
    for start, end in pairwise(points):
        at, rest = start, dist(start, end)
        while rest > left:
            share = left / rest
            at = (at[0] + (end[0] - at[0]) * share, at[1] + (end[1] - at[1]) * share)
            rest -= left
            if drawing:
                dashes.append([*dash, at])
            drawing = not drawing
            left, dash = _DASH[0 if drawing else 1], [at]
        left -= rest
        dash.append(end)
    if drawing:
        dashes.append(dash)
    return dashes
