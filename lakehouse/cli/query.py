"""`query`."""

from __future__ import annotations

from datetime import datetime

import click

from lakehouse.catalogs import MAIN
from lakehouse.cli.options import Moment
from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session


@click.command()
@click.argument("sql")
@click.option("--ref", metavar="REF", help="main, a branch, a tag or a commit; main if left out.")
@click.option("--at", "moment", type=Moment(), help="As main was then: 2024-03-15T18:00.")
@click.option(
    "--on",
    type=click.Choice(["duckdb", "postgres"]),
    default="duckdb",
    show_default=True,
    help="postgres asks the published marts.",
)
@format_option
def query(*, sql: str, ref: str | None, moment: datetime | None, on: str, style: str) -> None:
    """Answer SQL over tables named schema.table."""
    if ref is not None and moment is not None:
        msg = "--ref and --at both say which state to read; give one"
        raise click.UsageError(msg)
    session = Session()
    if on == "postgres":
        from lakehouse import postgres

        with postgres.serving(session.settings) as address:
            rows = postgres.query(address, sql)
    else:
        if moment is not None:
            local = moment if moment.tzinfo else moment.replace(tzinfo=session.settings.timezone)
            ref = session.catalog.at(local).id
        rows = session.query(sql, ref or MAIN).to_pylist()
    Output(style).result(rows, table(rows))
