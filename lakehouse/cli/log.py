"""`log`."""

from __future__ import annotations

import click

from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session


@click.command()
@click.option("-n", "limit", type=click.IntRange(min=1), help="At most this many commits.")
@format_option
def log(*, limit: int | None, style: str) -> None:
    """List the commits of main, newest first."""
    commits = Session().catalog.log(limit)
    document = [vars(commit) for commit in commits]
    rows = [
        {
            "commit": commit.id,
            "when": f"{commit.committed_at:%Y-%m-%d %H:%M:%S}",
            "who": commit.author,
            "run": commit.run_id,
            "message": commit.message,
            "tables": len(commit.tables),
        }
        for commit in commits
    ]
    Output(style).result(document, table(rows) if rows else "no commits yet")
