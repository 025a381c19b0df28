"""DOT: the picture as text for Graphviz."""

from __future__ import annotations

from xml.sax.saxutils import escape

from lakehouse.draw.picture import Box, Picture, Port
from lakehouse.draw.routes import bundles
from lakehouse.draw.theme import LIGHT, STYLES

_SHAPES = {
    "square": "box",
    "round": "box",
    "pill": "box",
    "step": "cds",
    "hexagon": "hexagon",
    "octagon": "octagon",
}


def dot(picture: Picture) -> str:
    """Return the picture as the text of a Graphviz file."""
    lines = [
        "digraph {",
        f"  graph [rankdir=LR, label={_text(picture.title)}, labelloc=t, fontname=Helvetica]",
        '  node [fontname=Helvetica, fontsize=11, style="filled,rounded"]',
        f'  edge [color="{LIGHT.edge}", arrowsize=0.7]',
    ]
    for number, layer in enumerate(picture.layers):
        lines += [
            f"  subgraph cluster_{number} {{",
            f'    graph [label={_text(layer)}, style="filled,rounded", color="{LIGHT.band}"]',
            *(f"    {_node(box)}" for box in picture.boxes if box.layer == layer),
            "  }",
        ]
    gathering = bundles(picture)
    for source, target in dict.fromkeys(picture.edges):
        pale = f' [color="{LIGHT.bundle}", penwidth=0.7]' if target in gathering else ""
        lines.append(f"  {_text(source)} -> {_text(target)}{pale}")
    at = {
        Port(box.id, column): f"{_text(box.id)}:{number}"
        for box in picture.boxes
        for number, column in enumerate(("", *box.columns))
    }
    for link in picture.links:
        dashed = "" if link.is_value else " [style=dashed]"
        lines.append(f"  {at[link.source]}:e -> {at[link.target]}:w{dashed}")
    return "\n".join([*lines, "}"]) + "\n"


def _node(box: Box) -> str:
    if box.columns:
        return f"{_text(box.id)} [shape=plain, label=<{_table(box)}>]"
    style = STYLES[box.kind]
    traits = {"dashed": "filled,rounded,dashed", "solid": "filled"}
    if style.shape in ("round", "pill"):
        traits["solid"] = "filled,rounded"
    facts = {
        "label": "\n".join(filter(None, (box.label, box.note))),
        "shape": _SHAPES[style.shape],
        "style": traits.get(style.border, traits["solid"]),
        "tooltip": box.doc or box.label,
        "fillcolor": style.light.fill,
        "color": style.light.line,
        "fontcolor": style.light.text,
        "peripheries": "2" if style.border in ("double", "barred") else "1",
    }
    traits_text = ", ".join(f"{name}={_text(value)}" for name, value in facts.items())
    return f"{_text(box.id)} [{traits_text}]"


def _table(box: Box) -> str:
    """Return a box with columns as a table of Graphviz, with a port for each of its rows."""
    ink = STYLES[box.kind].light
    rows = "".join(
        f'<TR><TD ALIGN="LEFT" PORT="{number}">{escape(words) or " "}</TD></TR>'
        for number, words in enumerate((box.label, *box.columns))
    )
    colours = f'BGCOLOR="{ink.fill}" COLOR="{ink.line}"'
    return f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" {colours}>{rows}</TABLE>'


def _text(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
