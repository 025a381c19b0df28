"""HTML: the picture as one file, to move, zoom and search, and to follow edges up and down."""

from __future__ import annotations

from xml.sax.saxutils import escape

from lakehouse.draw.page import PAGE
from lakehouse.draw.picture import Picture
from lakehouse.draw.svg import svg
from lakehouse.draw.theme import DARK, LIGHT, Paper, blend


def html(picture: Picture) -> str:
    """Return the picture as the text of an HTML file that needs no network."""
    before, rest = PAGE.split("<!--title-->")
    middle, rest = rest.split("/*colours*/")
    end, after = rest.split("<!--picture-->")
    return "".join((before, escape(picture.title), middle, _colours(), end, svg(picture), after))


def _colours() -> str:
    light, dark = (f":root{{{_variables(paper)}}}" for paper in (LIGHT, DARK))
    return f"{light}@media(prefers-color-scheme:dark){{{dark}}}"


def _variables(paper: Paper) -> str:
    colours = {
        "ground": paper.ground,
        "band": paper.band,
        "text": paper.text,
        "caption": paper.caption,
        "edge": paper.edge,
        "faint": blend(paper.edge, paper.ground, 0.82),
    }
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())
