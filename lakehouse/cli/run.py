"""`run` and `backfill`."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date
from typing import Any

import click

from lakehouse.cli.options import Day, Selection, force_option, selection_options
from lakehouse.cli.output import Output, format_option
from lakehouse.cli.report import summary
from lakehouse.errors import FOUND_PROBLEMS
from lakehouse.records.run_records import RunStatus
from lakehouse.session import Session
from lakehouse.system.garbage import undisturbed
from lakehouse.windows import Windows

hold_option = click.option(
    "--no-merge",
    "hold",
    is_flag=True,
    help="Do not merge: keep the branch for review; `merge` merges it.",
)


@click.command()
@click.option("--date", "day", type=Day(), help="A calendar day of the project; today if left out.")
@selection_options
@click.option(
    "--full-refresh",
    is_flag=True,
    help="Rebuild the models from all of their inputs; read all of what has a cursor or files.",
)
@click.option("--dry-run", is_flag=True, help="Only show the plan.")
@hold_option
@force_option
@format_option
def run(
    *,
    day: date | None,
    force: bool,
    selection: Selection,
    full_refresh: bool,
    dry_run: bool,
    hold: bool,
    style: str,
) -> None:
    """Ingest one day, build what depends on it, check, merge and publish."""
    with Session() as session:
        day = day or session.today()
        if not force:
            session.require_begun(day)
        if dry_run:
            from lakehouse.cli.plan import show

            show(session, day, day, selection, Output(style), full_refresh=full_refresh)
            return
        options = {"message": f"run {day}", "full_refresh": full_refresh, "hold": hold}
        execute(session, session.days(day, day), selection, Output(style), **options)


@click.command()
@click.option("--from", "first", type=Day(), required=True, help="The first day.")
@click.option("--to", "last", type=Day(), required=True, help="The last day, included.")
@selection_options
@click.option("--missing", is_flag=True, help="Only fetch what was never fetched.")
@click.option(
    "--resume", is_flag=True, help="Continue the same backfill after it was interrupted or failed."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="Number of pieces that are fetched at a time.",
)
@hold_option
@force_option
@click.option("-v", "--verbose", is_flag=True, help="Print a line for each window that is fetched.")
@format_option
def backfill(
    *,
    first: date,
    last: date,
    selection: Selection,
    missing: bool,
    force: bool,
    verbose: bool,
    style: str,
    **options: Any,
) -> None:
    """Ingest a range of days and build what depends on them, once."""
    if last < first:
        msg = f"--to {last} is before --from {first}"
        raise click.UsageError(msg)
    with Session() as session:
        if not force:
            session.require_begun(last)
        windows = session.days(first, last)
        if missing:
            windows = session.missing(windows)
            if not windows:
                Output(style).result({"status": RunStatus.NOTHING_TO_DO}, "nothing is missing")
                return
        options["message"] = f"backfill {first} to {last}"
        execute(session, windows, selection, Output(style, verbose=verbose), **options)


def execute(
    session: Session, windows: Windows, selection: Selection, output: Output, **options: Any
) -> None:
    """Run, send alerts, print the report, and exit with 1 if it has findings."""
    session.start_staging()  # its libraries take as long to load as all of the rest
    session.require_home()
    with ExitStack() as noted:
        with undisturbed():
            from lakehouse.alerts import watching
            from lakehouse.publish import standing
            from lakehouse.run.attempts import run as start
            from lakehouse.run.request import Request

            noted.enter_context(standing.noted(session))
            watched = noted.enter_context(ExitStack())
            listener = watched.enter_context(watching(session, output))
            watched.callback(output.done)
            output.progress("loading")
            session.open()
        with watched:
            request = Request(windows, selection.names(session), **options)
            report = start(session, request, listener)
        record = report.to_json()
        output.result(record, summary(record))
    if report.has_findings:
        click.get_current_context().exit(FOUND_PROBLEMS)
