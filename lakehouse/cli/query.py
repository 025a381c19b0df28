"""`query`."""

from __future__ import annotations

import click

from lakehouse.catalogs import MAIN
from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session


@click.command()
@click.argument("sql")
@click.option("--ref", default=MAIN, show_default=True, help="main, a branch or a commit.")
@click.option(
    "--on",
    type=click.Choice(["duckdb", "postgres"]),
    default="duckdb",
    show_default=True,
    help="postgres asks the published marts.",
)
@format_option
def query(*, sql: str, ref: str, on: str, style: str) -> None:
    """Answer SQL over tables named schema.table."""
    session = Session()
    if on == "postgres":
        from lakehouse import postgres

        with postgres.serving(session.settings) as address:
            rows = postgres.query(address, sql)
    else:
        rows = session.query(sql, ref).to_pylist()
    Output(style).result(rows, table(rows))
