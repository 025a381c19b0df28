"""SVG: one file for light and dark screens, with a tooltip for every box."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from lakehouse.draw import text
from lakehouse.draw.bands import Band
from lakehouse.draw.curves import Curve, Point
from lakehouse.draw.layout import Placed, place
from lakehouse.draw.legend import KEY, LINES, Key
from lakehouse.draw.picture import Box, Picture, Port
from lakehouse.draw.routes import HEAD, Route
from lakehouse.draw.shapes import ICON, ICONS, border, outline
from lakehouse.draw.theme import DARK, LIGHT, STYLES, Ink, Paper

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def svg(picture: Picture) -> str:
    """Return the picture as the text of an SVG file."""
    layout = place(picture)
    size = f"{layout.width:g} {layout.height:g}"
    wide, high = size.split()
    # Bundled lines come first, so that all other lines are drawn over them.
    routes = sorted(layout.routes, key=lambda route: not route.bundled)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{wide}"',
        f' height="{high}" role="img" aria-labelledby="picture-title picture-desc">',
        f'<title id="picture-title">{_text(picture.title)}</title>',
        f'<desc id="picture-desc">{_text(_summary(picture))}</desc>',
        f"<style>{_rules(picture)}</style>",
        f"<defs>{''.join(map(_icon, picture.kinds))}</defs>",
        f'<rect class="ground" width="{wide}" height="{high}"/>',
        *map(_band, layout.bands),
        *map(_route, routes),
        *map(_box, layout.boxes),
        *map(_key, layout.keys),
        _words("heading", layout.title, picture.title),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _summary(picture: Picture) -> str:
    layers = ", ".join(layer for layer in picture.layers if layer)
    return f"{len(picture.boxes)} boxes and {len(picture.edges)} edges, left to right: {layers}"


def _rules(picture: Picture) -> str:
    lines = [
        f"text{{font-family:{_FONT}}}",
        f".heading{{font-size:{text.TITLE:g}px;font-weight:600}}",
        f".label{{font-size:{text.LABEL:g}px;font-weight:500}}",
        f".note{{font-size:{text.NOTE:g}px}}.caption{{font-size:{text.CAPTION:g}px}}",
        ".line,.mark{fill:none}.line{stroke-width:1.6}.bundle .line{stroke-width:1.3}",
        ".outline{stroke-width:1.6}.mark{stroke-width:1.1}",
        ".icon{fill:none;stroke-width:1.4;stroke-linecap:round;stroke-linejoin:round}",
        ".dashed .outline{stroke-dasharray:5 3.5}.influence .line{stroke-dasharray:4 3}",
        f".name{{font-size:{text.CAPTION:g}px}}.rule{{stroke-width:.8;opacity:.5}}",
        _colours(picture, LIGHT, dark=False),
        f"@media(prefers-color-scheme:dark){{{_colours(picture, DARK, dark=True)}}}",
    ]
    return "\n".join(lines)


def _colours(picture: Picture, paper: Paper, *, dark: bool) -> str:
    rules = [
        f".ground{{fill:{paper.ground}}}.band{{fill:{paper.band}}}",
        f".heading{{fill:{paper.text}}}.caption{{fill:{paper.caption}}}",
        f".edge .line{{stroke:{paper.edge}}}.edge .head{{fill:{paper.edge}}}",
        f".bundle .line{{stroke:{paper.bundle}}}.bundle .head{{fill:{paper.edge}}}",
    ]
    for kind in picture.kinds:
        ink: Ink = STYLES[kind].dark if dark else STYLES[kind].light
        # On a box that is filled with its line colour, marks in that colour would be invisible.
        stroke = ink.text if ink.fill == ink.line else ink.line
        rules.append(
            f".{kind} .outline{{fill:{ink.fill};stroke:{ink.line}}}"
            f".{kind} .mark,.{kind} .icon{{stroke:{stroke}}}"
            f".{kind} .label,.{kind} .name{{fill:{ink.text}}}.{kind} .note{{fill:{ink.note}}}"
            f".{kind} .rule{{stroke:{stroke}}}"
        )
    return "".join(rules)


def _icon(kind: str) -> str:
    paths = "".join(f"<path d={_path(curve)}/>" for curve in ICONS[kind])
    return f'<g id="icon-{kind}">{paths}</g>'


def _band(band: Band) -> str:
    return (
        f'<rect class="band" x="{band.x:g}" y="{band.y:g}" width="{band.width:g}"'
        f' height="{band.height:g}" rx="10"/>{_words("caption", band.caption, band.name)}'
    )


def _route(route: Route) -> str:
    x, y = route.tip
    head = f"M{x - HEAD:g} {y - 4:g}L{x:g} {y:g}L{x - HEAD:g} {y + 4:g}Z"
    kind = " bundle" * route.bundled + " influence" * route.dashed
    return (
        f'<g class="edge{kind}" data-from={_port(route.source)}'
        f' data-to={_port(route.target)}><path class="line" d={_path(route.curve)}/>'
        f'<path class="head" d="{head}"/></g>'
    )


def _box(placed: Placed) -> str:
    box = placed.box
    label, note = placed.baselines
    words = [_words("label", label, box.label)]
    if box.note:
        words.append(_words("note", note, box.note))
    facts = {"id": box.id, "label": box.label, "facts": box.facts, "doc": box.doc}
    data = "".join(f" data-{name}={_attribute(value)}" for name, value in facts.items())
    return (
        f'<g class="box {box.kind}{_dashed(box.kind)}"{data}><title>{_text(_tooltip(box))}</title>'
        f"{_body(box.kind, placed.x, placed.y, placed.width, placed.height)}"
        f"{_use(box.kind, *placed.icon)}{''.join(words)}{_columns(placed)}</g>"
    )


def _columns(placed: Placed) -> str:
    """Return the columns of a box below a rule; the texts begin where the icon does."""
    if not placed.box.columns:
        return ""
    left, top = placed.icon[0], min(placed.rows.values()) - 9.0
    rule = f'<path class="rule" d="M{placed.x:g} {top:g}h{placed.width:g}"/>'
    return rule + "".join(
        f'<g class="column" data-id={_port(Port(placed.box.id, name))}>'
        f"{_words('name', (left, middle + text.CAPTION * 0.35), name)}</g>"
        for name, middle in placed.rows.items()
    )


def _port(port: Port) -> str:
    """Return the name of a column, or of a box as a whole, as the value of an attribute."""
    return _attribute("\t".join(filter(None, port)))


def _key(key: Key) -> str:
    wide, high = KEY
    if key.kind in LINES:
        line = f'<path class="line" d="M{key.x:g} {key.y + high / 2:g}h{wide:g}"/>'
        return (
            f'<g class="key edge {key.kind}">{line}{_words("caption", key.caption, key.kind)}</g>'
        )
    across, down = key.x + (wide - ICON) / 2, key.y + (high - ICON) / 2
    return (
        f'<g class="key {key.kind}{_dashed(key.kind)}">{_body(key.kind, key.x, key.y, wide, high)}'
        f"{_use(key.kind, across, down)}{_words('caption', key.caption, key.kind)}</g>"
    )


def _body(kind: str, x: float, y: float, width: float, height: float) -> str:
    strokes = border(kind, x, y, width, height)
    marks = "".join(f'<path class="mark" d={_path(curve)}/>' for curve in strokes)
    shape = outline(kind, x, y, width, height)
    return f'<path class="outline" d={_path(shape, closed=True)}/>{marks}'


def _dashed(kind: str) -> str:
    return " dashed" if STYLES[kind].border == "dashed" else ""


def _use(kind: str, x: float, y: float) -> str:
    return f'<use class="icon" href="#icon-{kind}" x="{x:g}" y="{y:g}"/>'


def _tooltip(box: Box) -> str:
    return "\n".join(filter(None, (box.label, box.facts, box.doc)))


def _words(style: str, at: Point, words: str) -> str:
    return f'<text class="{style}" x="{at[0]:g}" y="{at[1]:g}">{_text(words)}</text>'


def _path(curve: Curve, *, closed: bool = False) -> str:
    points = [f"{_short(x)} {_short(y)}" for x, y in curve]
    pieces = "".join(f"C{' '.join(points[at : at + 3])}" for at in range(1, len(points), 3))
    return f'"M{points[0]}{pieces}{"Z" if closed else ""}"'


def _short(number: float) -> str:
    return f"{round(number, 2):g}"


def _text(words: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", words))


def _attribute(words: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", words), {"\r": "&#13;"})
