"""`check`."""

from __future__ import annotations

import click

from lakehouse.catalogs import MAIN
from lakehouse.cli.options import selection_options
from lakehouse.cli.output import Output, format_option, table
from lakehouse.errors import FOUND_PROBLEMS
from lakehouse.interface.selection import Selection
from lakehouse.session import Session


@click.command()
@selection_options
@click.option("--all", "everything", is_flag=True, help="Check all rows, not only the last change.")
@click.option("--ref", default=MAIN, show_default=True, help="main, a branch or a commit.")
@click.option(
    "--portable",
    is_flag=True,
    help="Only find expressions in models and checks that engines understand differently.",
)
@format_option
def check(*, selection: Selection, everything: bool, ref: str, portable: bool, style: str) -> None:
    """Ask the checks of stored tables, or check the project itself."""
    session, output = Session(), Output(style)
    session.compile_anew()
    if portable:
        bad = _portable(session, output)
    else:
        bad = _ask(session, selection, ref, output, everything=everything)
    if bad:
        click.get_current_context().exit(FOUND_PROBLEMS)


def _ask(
    session: Session, selection: Selection, ref: str, output: Output, *, everything: bool
) -> bool:
    """Print what the checks find; return whether it has to be told by the exit code."""
    from lakehouse.audit.check_now import check_now

    results = check_now(session, selection.names(session), ref, everything=everything)
    rows = [
        {
            "table": result.table,
            "check": result.label,
            "rows": result.rows,
            "failures": result.failures,
            "": "ok" if result.passed else result.outcome.shown,
        }
        for result in results
    ]
    failed = [result.message(ref) for result in results if not result.passed]
    text = "\n".join([table(rows), *failed]) if rows else "nothing to check"
    output.result([vars(result) for result in results], text)
    return any(result.is_found for result in results)


def _portable(session: Session, output: Output) -> bool:
    """Print what is not portable; return whether anything is not."""
    from lakehouse.portability import examine

    findings = examine(session.compiled, session.settings.root)
    lines = [
        f"{finding.file}:{finding.line}: {finding.model}: {finding.rule}: {finding.trap}"
        f"\n  → {finding.cure}"
        for finding in findings
    ]
    output.result(
        [vars(finding) for finding in findings], "\n".join(lines) or "every model is portable"
    )
    return bool(findings)
