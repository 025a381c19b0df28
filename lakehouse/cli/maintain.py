"""`maintain`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session


@click.command()
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
@format_option
def maintain(*, dry_run: bool, style: str) -> None:
    """Compact tables, drop old commits, and remove files that are no longer needed."""
    from lakehouse import maintain as upkeep
    from lakehouse.publish import standing

    with Session() as session, standing.noted(session):
        record = upkeep.maintain(session, dry_run=dry_run).to_json()
        Output(style).result(record, _summary(record, dry_run=dry_run))


def _summary(record: Mapping[str, Any], *, dry_run: bool) -> str:
    rows = [
        {"what": node["step"], "where": node["node"], "": node["note"]} for node in record["nodes"]
    ]
    end = "nothing was done: this was a dry run" if dry_run else f"run {record['run']}"
    return f"{table(rows)}\n\n{end}" if rows else "nothing to do"
