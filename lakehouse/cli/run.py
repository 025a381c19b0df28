"""`run` and `backfill`."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

import lakehouse
from lakehouse.cli.options import Day, force_option, selection_options
from lakehouse.cli.output import Output, format_option
from lakehouse.cli.report import summary
from lakehouse.errors import FOUND_PROBLEMS
from lakehouse.interface.selection import Selection
from lakehouse.records.run_records import RunReport, RunStatus

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
    output, lake = Output(style), lakehouse.open()
    options = {"full_refresh": full_refresh, "force": force, **vars(selection)}
    if dry_run:
        from lakehouse.cli.plan import show

        show(lake.plan(day, **options), output)
        return
    show_report(lake.run(day, hold=hold, listener=output, **options), output)


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
    verbose: bool,
    style: str,
    **options: Any,
) -> None:
    """Ingest a range of days and build what depends on them, once."""
    if last < first:
        msg = f"--to {last} is before --from {first}"
        raise click.UsageError(msg)
    output = Output(style, verbose=verbose)
    report = lakehouse.open().backfill(first, last, listener=output, **vars(selection), **options)
    if report is None:
        output.result({"status": RunStatus.NOTHING_TO_DO}, "nothing is missing")
        return
    show_report(report, output)


def show_report(report: RunReport, output: Output) -> None:
    """Print the report of a run, and exit with 1 if it has findings."""
    record = report.to_json()
    output.result(record, summary(record))
    if report.has_findings:
        click.get_current_context().exit(FOUND_PROBLEMS)
