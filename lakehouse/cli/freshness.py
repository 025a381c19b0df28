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
    """Show how old the newest reading of each source is."""
    from lakehouse.freshness import State
    from lakehouse.freshness import freshness as measure

    found = measure(Session())
    rows = [
        {
            "table": each.table,
            "key": each.key,
            "newest": _moment(each.newest),
            "age": _age(each.age_hours),
            "allowed": " · ".join(_age(limit) for limit in each.limits if limit is not None),
            "state": each.state,
        }
        for each in found
    ]
    text = table(rows) if rows else "no table says how fresh it has to be"
    Output(style).result([vars(each) for each in found], text)
    if any(each.state is State.FAIL for each in found):
        context.exit(FOUND_PROBLEMS)


_DAY = 24


def _moment(newest: datetime | None) -> str:
    return "never" if newest is None else f"{newest:%Y-%m-%d %H:%M:%S}"


def _age(hours: float | None) -> str:
    if hours is None:
        return ""
    return f"{hours / _DAY:.1f} d" if hours > 2 * _DAY else f"{hours:.1f} h"
