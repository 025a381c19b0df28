"""`query`."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import click

from lakehouse import config
from lakehouse.catalogs import MAIN
from lakehouse.cli.options import Moment
from lakehouse.cli.output import Output, format_option, table
from lakehouse.engines.python_rows import of_arrow
from lakehouse.interface import Lakehouse
from lakehouse.session import Session


@click.command()
@click.argument("sql")
@click.option("--ref", metavar="REF", help="main, a branch, a tag or a commit; main if left out.")
@click.option(
    "--at", "moment", type=Moment(), help="Read main as it was then, such as 2024-03-15T18:00."
)
@click.option(
    "--on",
    type=click.Choice(["duckdb", "trino", "postgres"]),
    help="Engine that answers; the profile's if left out. postgres reads the published marts.",
)
@format_option
def query(
    *, sql: str, ref: str | None, moment: datetime | None, on: str | None, style: str
) -> None:
    """Answer SQL over tables named schema.table."""
    if ref is not None and moment is not None:
        msg = "--ref and --at both say which state to read; give one"
        raise click.UsageError(msg)
    if on == "postgres":
        from lakehouse import postgres
        from lakehouse.postgres import reading

        with Session() as session:
            session.require_home()
            with postgres.serving(session.settings, to_read=True) as address:
                rows = reading.query(address, sql)
    else:
        rows = _rows(sql, ref, moment, on)
    Output(style).result(rows, table(rows))


def _rows(sql: str, ref: str | None, moment: datetime | None, on: str | None) -> list[Any]:
    """Return the rows that an engine reads of a ref, or of main at a moment."""
    chosen = {"LAKEHOUSE_ENGINE": on} if on else {}
    lake = Lakehouse(config.load(environment={**os.environ, **chosen}))
    return of_arrow(lake.query(sql, ref=ref or MAIN, at=moment))
