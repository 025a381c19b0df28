"""`freshness`."""

from __future__ import annotations

from datetime import datetime

import click

from lakehouse.cli.output import Output, format_option, table
from lakehouse.errors import FOUND_PROBLEMS
from lakehouse.session import Session


@click.command()
@format_option
@click.pass_context
def freshness(context: click.Context, *, style: str) -> None:
    """Show how old the newest row of each source is."""
    from lakehouse.audit.freshness import FreshnessState
    from lakehouse.audit.freshness import freshness as measure

    sources = measure(Session())
    rows = [
        {
            "table": source.table,
            "key": source.key,
            "newest": _moment(source.newest),
            "age": _age(source.age_hours),
            "allowed": " · ".join(_age(limit) for limit in source.limits if limit is not None),
            "state": source.state,
            "": f"could not be read: {source.unread}" if source.unread else "",
        }
        for source in sources
    ]
    text = table(rows) if rows else "no table declares how fresh it has to be"
    Output(style).result([vars(source) for source in sources], text)
    if any(source.state is FreshnessState.FAIL for source in sources):
        context.exit(FOUND_PROBLEMS)


_DAY = 24
"""Hours."""


def _moment(newest: datetime | None) -> str:
    return "never" if newest is None else f"{newest:%Y-%m-%d %H:%M:%S}"


def _age(hours: float | None) -> str:
    if hours is None:
        return ""
    return f"{hours / _DAY:.1f} d" if hours > 2 * _DAY else f"{hours:.1f} h"
