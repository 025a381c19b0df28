"""`plan`."""

from __future__ import annotations

from datetime import date

import click

from lakehouse.cli.options import Day, Selection, force_option, selection_options
from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session


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


def show(session: Session, first: date, last: date, selection: Selection, output: Output) -> None:
    """Print the plan of a run over these days."""
    from lakehouse.run.plan_preview import preview

    nodes = preview(session, session.days(first, last), selection.names(session))
    rows = [
        {
            "node": node.node,
            "why": node.why,
            "because of": ", ".join(node.because),
            "rows now": node.rows,
            "windows": " ".join([*node.windows, *(["of", node.keys] if node.keys else [])]),
        }
        for node in nodes
    ]
    changes = [
        "\n".join(["", f"{node.node}: what changed", *(f"  {line}" for line in node.changes)])
        for node in nodes
        if node.changes
    ]
    output.result([vars(node) for node in nodes], "\n".join([table(rows), *changes]))
