"""`plan`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import click

import lakehouse
from lakehouse.cli.options import Day, force_option, selection_options
from lakehouse.cli.output import Output, format_option, table
from lakehouse.interface.selection import Selection

if TYPE_CHECKING:
    from lakehouse.run.plan_preview import Preview


@click.command()
@click.option("--date", "day", type=Day(), help="A calendar day of the project; today if left out.")
@selection_options
@force_option
@format_option
def plan(*, day: date | None, selection: Selection, force: bool, style: str) -> None:
    """Show which nodes a run would execute, for which windows, and why."""
    show(lakehouse.open().plan(day, force=force, **vars(selection)), Output(style))


def show(nodes: Sequence[Preview], output: Output) -> None:
    """Print the plan of a run."""
    rows = [
        {
            "node": node.node,
            "why": node.why,
            "because of": ", ".join(node.because),
            "rows now": node.rows,
            "windows": _windows(node),
        }
        for node in nodes
    ]
    undeclared = [f"{node.node}: {node.becomes}" for node in nodes if node.becomes]
    changes = [
        "\n".join(["", f"{node.node}: what changed", *(f"  {line}" for line in node.changes)])
        for node in nodes
        if node.changes
    ]
    output.result([vars(node) for node in nodes], "\n".join([table(rows), *undeclared, *changes]))


def _windows(node: Preview) -> str:
    """What is built of a table: for sure, and if the fetch finds news."""
    sure = " ".join([*node.windows, *(["of", node.keys] if node.keys else [])])
    return f"{sure}; if the fetch finds news, {node.if_new}" if node.if_new else sure
