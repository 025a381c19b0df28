"""Pictures of lineage: tables with columns, and links between the columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lakehouse.declare.project import Project
from lakehouse.draw.picture import Box, Link, Picture, Port
from lakehouse.draw.table_box import table_box
from lakehouse.lineage import ROWS, VALUE, Column, Lineage


def picture(project: Project, lineage: Lineage, title: str, columns: Iterable[Column]) -> Picture:
    """Return these columns in the boxes of their tables and sources, and the links between them."""
    by_table: dict[str, list[str]] = {}
    for column in columns:
        names = by_table.setdefault(column.table, [])
        names += [column.name] * (column.name not in (ROWS, *names))
    tables = {spec.table: table_box(spec) for spec in project.tables.values()}
    boxes = tuple(
        replace(tables.get(table) or _source(table), id=table, columns=tuple(names))
        for table, names in _ordered(by_table, lineage).items()
    )
    shown = [Column(table, name) for table, names in by_table.items() for name in names]
    return Picture(title, boxes, (), links(lineage, shown, {table: table for table in by_table}))


def links(
    lineage: Lineage, columns: Iterable[Column], boxes: Mapping[str, str]
) -> tuple[Link, ...]:
    """Return the links between these columns; `boxes` are the ids of their tables.

    What decides which rows a table has leads to its box as a whole, and not to each of its columns.
    """
    shown = {*columns, *(Column(table, ROWS) for table in boxes)}
    found: dict[Link, None] = {}
    for table in boxes:
        if table not in lineage.tables:
            continue
        rows = lineage.parents(table, ROWS)
        whole = {edge.parent for edge in rows}
        own = (
            edge
            for column in lineage.columns_of(table)
            if column in shown
            for edge in lineage.parents(*column)
            if edge.kind == VALUE or edge.parent not in whole
        )
        for edge in (*rows, *own):
            if edge.parent in shown:
                source, target = _port(edge.parent, boxes), _port(edge.child, boxes)
                found[Link(source, target, edge.kind == VALUE)] = None
    return tuple(found)


def _port(column: Column, boxes: Mapping[str, str]) -> Port:
    return Port(boxes[column.table], "" if column.name == ROWS else column.name)


def _ordered(by_table: dict[str, list[str]], lineage: Lineage) -> dict[str, list[str]]:
    """Return the columns in the order of their tables, from sources to marts."""
    tables = {table: dict.fromkeys(made.columns) for table, made in lineage.tables.items()}
    sources: dict[str, dict[str, None]] = {}
    for made in lineage.tables.values():  # the fields of a source, as they are in its tables
        for table in {row.table for row in made.rows} - tables.keys():
            sources.setdefault(table, {}).update(dict.fromkeys(made.columns))
    order = sources | tables
    return {
        table: [name for name in names if name in by_table[table]]
        for table, names in order.items()
        if table in by_table
    }


def _source(name: str) -> Box:
    return Box(name, name, "source", "resource")
