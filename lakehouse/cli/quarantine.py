"""`quarantine`."""

from __future__ import annotations

import click

import lakehouse
from lakehouse.catalogs import MAIN
from lakehouse.cli.options import AT_MOST, selection_options
from lakehouse.cli.output import Output, format_option, table
from lakehouse.interface.selection import Selection
from lakehouse.session import Session

_WIDE = 100
"""Characters of a payload that are shown, at most."""
ref_option = click.option("--ref", default=MAIN, show_default=True, help="main or a branch.")


@click.group(invoke_without_command=True)
@ref_option
@format_option
@click.pass_context
def quarantine(context: click.Context, *, ref: str, style: str) -> None:
    """Count rejected rows by reason and day; `show` lists them, `retry` validates them again."""
    if context.invoked_subcommand is not None:
        return
    from lakehouse.audit.quarantine_listing import count

    rows = [vars(entry) for entry in count(Session(), ref)]
    Output(style).result(rows, table(rows) if rows else "nothing is in quarantine")


@quarantine.command()
@click.option(
    "--reason", default="", metavar="TEXT", help="Only rows with a reason that contains TEXT."
)
@click.option(
    "--limit", type=AT_MOST, default=20, show_default=True, help="At most this many rows."
)
@ref_option
@format_option
def show(*, reason: str, limit: int, ref: str, style: str) -> None:
    """Show rejected rows, newest first."""
    from lakehouse.audit.quarantine_listing import show as rejected

    rows = rejected(Session(), reason=reason, limit=limit, ref=ref)
    shown = [{**row, "payload": _short(row["payload"])} for row in rows]
    Output(style).result(rows, table(shown) if shown else "no such row is in quarantine")


@quarantine.command()
@selection_options
@format_option
def retry(*, selection: Selection, style: str) -> None:
    """Validate rejected rows again, and run with those that pass now."""
    from lakehouse.cli.run import show_report

    output = Output(style)
    report = lakehouse.open().retry_quarantine(listener=output, **vars(selection))
    show_report(report, output)


def _short(payload: str | None) -> str:
    text = payload or ""
    return text if len(text) <= _WIDE else f"{text[:_WIDE]}…"
