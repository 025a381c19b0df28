"""`doctor`."""

from __future__ import annotations

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.errors import COULD_NOT_RUN
from lakehouse.session import Session

_MARKS = {True: "ok  ", False: "BAD "}


@click.command()
@click.option("--deep", is_flag=True, help="Read every data file of main; this takes a while.")
@format_option
@click.pass_context
def doctor(context: click.Context, *, deep: bool, style: str) -> None:
    """Examine settings, project, home or servers, tables, engine and Postgres."""
    from lakehouse.doctor.examination import examine

    with Session() as session:
        findings = examine(session, deep=deep)
    lines = [
        f"{_MARKS[finding.healthy]}{finding.what}: {finding.detail}"
        + (f"\n      → {finding.cure}" if finding.cure else "")
        for finding in findings
    ]
    Output(style).result([vars(finding) for finding in findings], "\n".join(lines))
    if not all(finding.healthy for finding in findings):
        context.exit(COULD_NOT_RUN)
