"""`plan`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from lakehouse.cli.options import Day, Selection, force_option, selection_options
from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session

if TYPE_CHECKING:
    from lakehouse.run.plan_preview import Preview


@click.command()
@click.option("--date", "day", type=Day(), help="A calendar day of the project; today if left out.")
@selection_options
@force_option
@format_option
def plan(*, day: date | None, selection: Selection, force: bool, style: str) -> None:
    """Show which nodes a run would execute, for which windows, and why."""
    session = Session()
    day = day or session.today()
    if not force:
        session.require_begun(day)
    show(session, day, day, selection, Output(style))


def show(
    session: Session,
    first: date,
    last: date,
    selection: Selection,
    output: Output,
    *,
    full_refresh: bool = False,
) -> None:
    """Print the plan of a run over these days."""
    from lakehouse.run.plan_preview import preview

    windows, names = session.days(first, last), selection.names(session)
    nodes = preview(session, windows, names, force=full_refresh)
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
