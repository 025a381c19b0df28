"""`schedule`."""

from __future__ import annotations

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.session import Session


@click.command()
@click.option("--once", is_flag=True, help="Run the jobs that are due, and end.")
@click.option(
    "--print",
    "kind",
    type=click.Choice(["systemd", "cron", "kubernetes"]),
    help="Only print the unit files with which another scheduler runs the jobs.",
)
@format_option
@click.pass_context
def schedule(context: click.Context, *, once: bool, kind: str | None, style: str) -> None:
    """Run every ingestion by its cron, and what depends on it, until stopped."""
    from lakehouse.schedule import scheduler as running

    session, output = Session(), Output(style, verbose=True)
    if kind is not None:
        from lakehouse.schedule.unit_files import KINDS

        text = KINDS[kind](session.settings, running.jobs(session.project))
        output.result({kind: text}, text.rstrip())
        return
    session.require_home()
    if once:
        code = running.once(session.settings, output)
        output.done()
        worked = "every job is done" if code == 0 else "a job did not succeed"
        output.result({"exit_code": code}, worked)
        context.exit(code)
    else:
        running.forever(session.settings, output)
        output.done()
        output.result({"status": "stopped"}, "stopped")
