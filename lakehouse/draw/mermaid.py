"""Mermaid: the picture as a flowchart, which GitHub and GitLab show in Markdown."""

from __future__ import annotations

import json
import re

from lakehouse.draw.picture import Box, Picture, Port
from lakehouse.draw.routes import bundles
from lakehouse.draw.theme import LIGHT, STYLES

_MARKUP = re.compile(r'[#&<>"`\\]')
_SHAPES = {
    "square": ("[", "]"),
    "round": ("(", ")"),
    "pill": ("([", "])"),
    "step": ("[/", "\\]"),
    "hexagon": ("{{", "}}"),
    "octagon": ("[\\", "/]"),
}


def mermaid(picture: Picture) -> str:
    """Return the picture as the text of a Mermaid file."""
    name = {box.id: f"n{number}" for number, box in enumerate(picture.boxes)}
    lines = ["---", f"title: {json.dumps(picture.title)}", "---", "flowchart LR"]
    for number, layer in enumerate(picture.layers):
        lines.append(f'  subgraph layer{number}["{_text(layer)}"]')
        for box in picture.boxes:
            lines += _box(name[box.id], box) if box.layer == layer else []
        lines.append("  end")
        lines.append(f"  style layer{number} fill:{LIGHT.band},stroke:none,color:{LIGHT.caption}")
    gathering = bundles(picture)
    edges = list(dict.fromkeys(picture.edges))
    lines += [f"  {name[source]} --> {name[target]}" for source, target in edges]
    at = {Port(box.id): name[box.id] for box in picture.boxes} | {
        Port(box.id, column): f"{name[box.id]}c{number}"
        for box in picture.boxes
        for number, column in enumerate(box.columns)
    }
    lines += [
        f"  {at[link.source]} {'-->' if link.is_value else '-.->'} {at[link.target]}"
        for link in picture.links
    ]
    for kind in picture.kinds:
        ink = STYLES[kind].light
        dashes = ",stroke-dasharray:5 4" if STYLES[kind].border == "dashed" else ""
        wide = 3 if STYLES[kind].border in ("double", "barred") else 1.5
        lines.append(
            f"  classDef {kind} fill:{ink.fill},stroke:{ink.line},color:{ink.text},"
            f"stroke-width:{wide}px{dashes}"
        )
    pale = [str(at) for at, (_source, target) in enumerate(edges) if target in gathering]
    if pale:
        lines.append(f"  linkStyle {','.join(pale)} stroke:{LIGHT.bundle},stroke-width:1px")
    return "\n".join(lines) + "\n"


def _box(name: str, box: Box) -> list[str]:
    """Return the lines of a box; one with columns holds a node for each of them."""
    if not box.columns:
        return [f"    {_node(name, box)}"]
    words = " · ".join(map(_text, filter(None, (box.label, box.note))))
    columns = [f'{name}c{at}["{_text(column)}"]' for at, column in enumerate(box.columns)]
    inside = [f"      {column}:::{box.kind}" for column in columns]
    return [f'    subgraph {name}["{words}"]', *inside, "    end"]


def _node(name: str, box: Box) -> str:
    style = STYLES[box.kind]
    start, end = ("[[", "]]") if style.border == "barred" else _SHAPES[style.shape]
    words = "<br/>".join(map(_text, filter(None, (box.label, box.note))))
    return f'{name}{start}"{words}"{end}:::{box.kind}'


def _text(words: str) -> str:
    return _MARKUP.sub(lambda match: f"#{ord(match[0])};", " ".join(words.split())) or " "
