"""`plan`."""

from __future__ import annotations

from datetime import date, datetime

import click

from lakehouse.cli.output import Output, format_option, table
from lakehouse.cli.run import Day, Selection, selection_options
from lakehouse.session import Session


@click.command()
@click.option("--date", "day", type=Day(), help="A calendar day of the project; today if left out.")
@selection_options
@format_option
def plan(*, day: date | None, selection: Selection, style: str) -> None:
    """Show which nodes a run would execute, for which windows, and why."""
    session = Session()
    day = day or datetime.now(session.settings.timezone).date()
    show(session, day, day, selection, Output(style))


def show(session: Session, first: date, last: date, selection: Selection, output: Output) -> None:
    """Print the plan of a run over these days."""
    from lakehouse.catalogs import MAIN
    from lakehouse.plan import plan_run

    nodes = plan_run(
        session.compiled,
        {name: stored.state for name, stored in session.catalog.tables(MAIN).items()},
        session.days(first, last),
        selection.names(session),
    )
    rows = [
        {
            "node": node.table,
            "why": str(node.decision.reason),
            "windows": " ".join(map(str, node.decision.windows)),
        }
        for node in nodes
    ]
    output.result(rows, table(rows))
