"""The picture of a pipeline's tables: each box says how its table is, and leads to its page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape

from lakehouse.draw.picture import Picture
from lakehouse.draw.svg import svg
from lakehouse.draw.table_box import table_box
from lakehouse.pages.html import Html, tag
from lakehouse.site.pipeline.facts import Facts, TableFacts, TableHealth
from lakehouse.site.pipeline.parts import rows, seconds, table_path

_BOX = re.compile(r'<g class="box [^"]*" data-id="([^"]*)".*?</g>', re.DOTALL)
"""A box of the picture, with the name of its table."""
_DARK = "@media(prefers-color-scheme:dark){"
_END = "}</style>"


def of_tables(facts: Facts) -> Picture:
    """Return the tables and what they read, each with what is known of it."""
    tables = facts.tables
    boxes = tuple(replace(table_box(entry.spec), note=_note(entry)) for entry in tables.values())
    edges = tuple((parent, name) for name, entry in tables.items() for parent in entry.parents)
    return Picture(f"{len(boxes)} tables", boxes, edges)


def drawn(shown: Picture, facts: Facts) -> Html:
    """Return the picture as SVG in the colours of the page; placing many tables takes seconds."""
    linked = _BOX.sub(lambda found: _linked(found[0], found[1], facts.tables), svg(shown))
    # An image has no links for those who do not see it; a group has.
    return Html(_switchable(linked.replace('role="img"', 'role="group"', 1)))


def _note(table: TableFacts) -> str:
    parts: list[str] = [] if table.health is TableHealth.OK else [table.health.upper()]
    if table.stored is not None:
        parts.append(rows(table.stored.rows))
    elif table.is_built:
        parts.append("view")
    if table.builds:
        parts.append(seconds(table.builds[0].seconds))
    if table.newest is not None:
        parts.append(f"to {table.newest:%Y-%m-%d}")
    return " · ".join(parts)


def _linked(box: str, name: str, tables: Mapping[str, TableFacts]) -> str:
    """Return a box as a link to the page of its table."""
    table = tables[unescape(name)]
    return tag(
        "a",
        Html(box),
        href=table_path(table.spec.table),
        class_=f"to {table.health.replace(' ', '-')}",
        aria_label=f"{table.spec.table}: {table.health}",
    )


def _switchable(text: str) -> str:
    """Let the colours for the dark follow the page's switch, too."""
    before, rest = text.split(_DARK)
    rules, after = rest.split(_END, 1)
    follow = f':root:not([data-theme="light"]){{{rules}}}'
    chosen = f':root[data-theme="dark"]{{{rules}}}'
    return f"{before}{_DARK}{follow}}}{chosen}</style>{after}"
