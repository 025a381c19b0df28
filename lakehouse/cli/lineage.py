"""`lineage`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.errors import UnknownNameError, choices
from lakehouse.session import Session

if TYPE_CHECKING:
    from lakehouse.declare.project import Project
    from lakehouse.lineage import Column, Kind, Lineage

VALUE, INFLUENCE, ROWS = "value", "influence", "*"
_WIDTH = 80
"""Characters of a line of text, at most."""
_UP, _DOWN = "up", "down"


@click.command()
@click.argument("name", metavar="TABLE[.COLUMN]")
@click.option("--up", "way", flag_value=_UP, help="Only what it is made of.")
@click.option("--down", "way", flag_value=_DOWN, help="Only what is made of it.")
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="FILE.svg, .html, .png, .mmd, .dot or .json; without it, print text.",
)
@format_option
def lineage(*, name: str, way: str | None, path: Path | None, style: str) -> None:
    """Show which columns a table or a column is made of, and what is made of it."""
    from lakehouse.cli import json_results

    session = Session()
    traced = session.lineage
    table, column = _named(session.project, traced, name)
    start = traced.columns_of(table, column)
    ways = (_UP, _DOWN) if way is None else (way,)
    reached = {each: traced.up(start) if each == _UP else traced.down(start) for each in ways}
    document = {"table": table, "column": column} | _document(traced, start, reached)
    text = "\n".join(_of_column(start[0], reached) if column else _of_table(traced, start, ways))
    if path is None:
        Output(style).result(document, text)
        return
    from lakehouse.draw import draw, require_folder
    from lakehouse.draw.lineage_picture import picture

    if path.suffix.lower() == ".json":
        require_folder(path)
        path.write_text(json_results.to_json(document) + "\n", encoding="utf-8")
    else:
        columns = dict.fromkeys([*start, *(c for found in reached.values() for c in found)])
        draw(picture(session.project, traced, f"lineage of {name}", columns), path)
    Output(style).result(document | {"file": str(path)}, f"{path}: lineage of {name}")


def _named(project: Project, lineage: Lineage, name: str) -> tuple[str, str | None]:
    """Return the qualified table, and the column, of a name such as `daily.total`.

    Raises UnknownNameError, with the names that are most alike, if no table begins it.
    """
    tables = {**{each: each for each in lineage.tables}, **_qualified(project)}
    if name in tables:
        return tables[name], None
    begun = [each for each in tables if name.startswith(f"{each}.")]
    if not begun:
        first, _, rest = name.partition(".")
        schemas = {table.partition(".")[0] for table in lineage.tables}
        is_qualified = bool(rest) and first in schemas
        asked = ".".join(name.split(".")[:2]) if is_qualified else first
        known = lineage.tables if is_qualified else project.tables
        raise UnknownNameError(f"there is no table {asked!r}", hint=choices("tables", asked, known))
    table = max(begun, key=len)
    return tables[table], name[len(table) + 1 :]


def _qualified(project: Project) -> dict[str, str]:
    return {name: spec.table for name, spec in project.tables.items()}


def _document(
    lineage: Lineage, start: list[Column], reached: Mapping[str, Mapping[Column, Kind]]
) -> dict[str, Any]:
    """Return what is reached each way, nearest first, and the edges in between."""
    among = dict.fromkeys([*start, *(column for found in reached.values() for column in found)])
    return {
        **{
            way: [{"table": c.table, "column": c.name, "kind": kind} for c, kind in found.items()]
            for way, found in reached.items()
        },
        "edges": [
            {"from": edge.parent._asdict(), "to": edge.child._asdict(), "kind": edge.kind}
            for edge in lineage.edges(among)
        ],
    }


def _of_column(column: Column, reached: Mapping[str, Mapping[Column, Kind]]) -> Iterator[str]:
    """Yield the lines about one column: what is reached of each table, the nearest first."""
    yield str(column)
    for way, found in reached.items():
        yield f"\n{way}" if found else f"\n{way}: nothing"
        for table in dict.fromkeys(each.table for each in found):
            yield f"  {table}"
            of_table = {c.name: kind for c, kind in found.items() if c.table == table}
            yield from _kinds(of_table, way, "    ")


def _of_table(lineage: Lineage, columns: list[Column], ways: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines about a table: what each of its columns is directly made of, or makes."""
    table = columns[0].table
    yield table
    for way in ways:
        yield f"\n{way}"
        rows = lineage.parents(table, ROWS) if way == _UP else lineage.children(table, ROWS)
        whole = {edge.parent for edge in rows}
        for column in columns:
            yield f"  {column.name}"
            if way == _UP:
                edges = lineage.parents(*column)
                ends = {e.parent: e.kind for e in edges if e.kind == VALUE or e.parent not in whole}
            else:
                ends = {edge.child: edge.kind for edge in lineage.children(*column)}
            yield from _by_table(ends, way)
        if rows:
            yield "  which rows it has" if way == _UP else "  how many rows it has"
            yield from _by_table({(e.parent if way == _UP else e.child): e.kind for e in rows}, way)


def _by_table(ends: Mapping[Column, Kind], way: str) -> Iterator[str]:
    for table in dict.fromkeys(end.table for end in ends):
        of_table = {end.name: kind for end, kind in ends.items() if end.table == table}
        yield from _kinds(of_table, way, "    ", f"{table}: ")


def _kinds(names: Mapping[str, Kind], way: str, indent: str, before: str = "") -> Iterator[str]:
    """Yield the columns of one table by kind, in lines of 80 characters.

    What decides which rows a table has influences all of its columns.
    """
    for kind in (VALUE, INFLUENCE):
        listed = [name for name, found in names.items() if found == kind]
        if ROWS in listed:
            rows = "its rows" if way == _UP else "every column"
            listed = [rows] if way == _DOWN else [rows if n == ROWS else n for n in listed]
        if listed:
            head = f"{indent}{kind:<10} "
            yield textwrap.fill(
                before + ", ".join(listed),
                _WIDTH,
                initial_indent=head,
                subsequent_indent=" " * len(head),
                break_long_words=False,
                break_on_hyphens=False,
            )
