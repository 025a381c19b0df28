"""`dag`."""

from __future__ import annotations

from pathlib import Path

import click

import lakehouse
from lakehouse.cli.options import selection_options
from lakehouse.cli.output import Output, format_option, table
from lakehouse.interface.selection import Selection


@click.command()
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="FILE.svg, .html, .png, .mmd or .dot; without it, list the nodes.",
)
@click.option("--columns", is_flag=True, help="Also show columns, and what they are made of.")
@selection_options
@format_option
def dag(*, path: Path | None, columns: bool, selection: Selection, style: str) -> None:
    """Draw the pipeline, or list its nodes."""
    from lakehouse.draw import draw

    drawn = lakehouse.open().dag(columns=columns, **vars(selection))
    document = {
        "nodes": [vars(box) for box in drawn.boxes],
        "edges": [list(edge) for edge in drawn.pairs],
    }
    if columns:
        document["links"] = [
            {"from": link.source, "to": link.target, "value": link.is_value} for link in drawn.links
        ]
    if path is not None:
        draw(drawn, path)
        Output(style).result(document | {"file": str(path)}, f"{path}: {drawn.title}")
        return
    parents = {
        box.id: [start for start, end in drawn.pairs if end == box.id] for box in drawn.boxes
    }
    rows = [
        {"node": box.label, "kind": box.kind, "reads": ", ".join(parents[box.id])}
        for box in drawn.boxes
    ]
    Output(style).result(document, table(rows))
