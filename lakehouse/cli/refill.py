"""`refill`."""

from __future__ import annotations

import click

import lakehouse
from lakehouse.cli.output import Output, format_option
from lakehouse.cli.run import show_report


@click.command()
@click.argument("target", metavar="TABLE[.COLUMN]")
@format_option
def refill(*, target: str, style: str) -> None:
    """Fill a new column of a raw table from the stored payload, and ask no source.

    Without COLUMN, every column that is null in all rows.
    """
    output = Output(style)
    show_report(lakehouse.open().refill(target, listener=output), output)
