"""`check`."""

from __future__ import annotations

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.errors import FOUND_PROBLEMS
from lakehouse.session import Session


@click.command()
@click.option(
    "--portable",
    is_flag=True,
    required=True,
    help="Find what engines understand differently in models and checks; runs no engine.",
)
@format_option
@click.pass_context
def check(context: click.Context, *, portable: bool, style: str) -> None:  # noqa: ARG001
    """Check the project."""
    from lakehouse.portability import examine

    session = Session()
    findings = examine(session.compiled, session.settings.root)
    lines = [
        f"{found.file}:{found.line}: {found.model}: {found.rule}: {found.trap}\n  → {found.cure}"
        for found in findings
    ]
    Output(style).result(
        [vars(found) for found in findings], "\n".join(lines) or "every model is portable"
    )
    if findings:
        context.exit(FOUND_PROBLEMS)
