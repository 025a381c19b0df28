"""`alerts` and `snooze`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from lakehouse.cli.output import Output, format_option, table
from lakehouse.errors import FOUND_PROBLEMS
from lakehouse.session import Session
from lakehouse.windows import parse_duration


class Length(click.ParamType[timedelta]):
    """Parameter that is a length of time such as 2h."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--test", "is_test", is_flag=True, help="Send a test message to every channel.")
@format_option
@click.pass_context
def alerts(context: click.Context, *, is_test: bool, style: str) -> None:
    """List the open problems, as of the last run, or try the channels."""
    from lakehouse.alerts import desk

    session, output = Session(), Output(style)
    settings = session.settings
    if is_test:
        works = desk.test(settings, output.warning)
        output.result({"sent": works}, "sent" if works else "not sent")
        if not works:
            context.exit(FOUND_PROBLEMS)
        return
    session.require_home()
    ledger = desk.read_ledger(settings)
    snoozed = {name: snooze.until for name, snooze in ledger.snoozed.items()}
    rows = [
        {
            "problem": problem.title,
            "name": problem.name,
            "since": f"{problem.since.astimezone(settings.timezone):%Y-%m-%d %H:%M}",
            "told": "yes" if problem.told else "not yet",
        }
        for problem in ledger.problems.values()
    ]
    lines = [table(rows) if rows else "no open problems"]
    lines += [
        f"{name} is snoozed until {until.astimezone(settings.timezone):%Y-%m-%d %H:%M}"
        for name, until in snoozed.items()
    ]
    output.result({"problems": rows, "snoozed": snoozed}, "\n".join(lines))


@click.command()
@click.argument("name")
@click.option(
    "--for", "length", type=Length(), required=True, help="How long, such as 30m, 2h or 1d."
)
@format_option
def snooze(*, name: str, length: timedelta, style: str) -> None:
    """Send no alerts about NAME for a while: a check, the table of a source, 'run' or 'all'."""
    from lakehouse.alerts import desk

    session = Session()
    session.require_home()
    until = desk.snooze(session.settings, session.project, name, length)
    shown = f"{until.astimezone(session.settings.timezone):%Y-%m-%d %H:%M}"
    Output(style).result({"name": name, "until": until}, f"{name} is snoozed until {shown}")
