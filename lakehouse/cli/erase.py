"""`erase`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lakehouse.cli.output import Output, format_option, table
from lakehouse.errors import FOUND_PROBLEMS
from lakehouse.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakehouse.erase.erasing import Erased
    from lakehouse.erase.leftovers import Holder

_LATER = (
    "commits from before stay readable for `keep_days` of [maintain]; then `maintain` removes their"
    " files\nif the source still has these rows, a later run fetches them again"
)


@click.command()
@click.argument("table_name", metavar="TABLE")
@click.argument("keys", metavar="COLUMN=VALUE", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only count the rows, table by table.")
@format_option
def erase(*, table_name: str, keys: Sequence[str], dry_run: bool, style: str) -> None:
    """Erase the rows with these values from the raw TABLE, and from all that is built from it.

    Remove them from the source first: what it still has is fetched again.
    """
    from lakehouse.erase import erasing
    from lakehouse.publish import standing

    values, output = _values(keys), Output(style)
    with Session() as session, standing.noted(session):
        session.require_home()
        key = erasing.key_of(session, table_name, values)
        if dry_run:
            found = erasing.counted(session, key)
            shown = table(_rows(found)) if found else "nothing holds such rows"
            output.result([vars(holder) for holder in found], shown)
            return
        erased = erasing.erase(session, key, output)
        output.done()
    document = {
        "run": erased.report.run_id,
        "status": erased.report.status,
        "commit": erased.report.commit,
        "table": key.spec.table,
        "columns": list(values),
        "erased": dict(erased.rows),
        "removed": [vars(holder) for holder in erased.removed],
        "kept": [vars(holder) for holder in erased.kept],
    }
    output.result(document, _summary(erased))
    if erased.kept:
        click.get_current_context().exit(FOUND_PROBLEMS)


def _values(keys: Sequence[str]) -> dict[str, str]:
    pairs = [key.partition("=") for key in keys]
    for column, separator, value in pairs:
        if not (column and separator and value):
            msg = "name the rows by a column and its value, such as customer_id=17"
            raise click.UsageError(msg)
    return {column: value for column, _, value in pairs}


def _rows(holders: Sequence[Holder]) -> list[dict[str, Any]]:
    return [{"where": h.place, "rows": h.rows, "what to do": h.cure} for h in holders]


def _summary(erased: Erased) -> str:
    rows: list[dict[str, Any]] = [
        {"erased from": place, "rows": rows} for place, rows in erased.rows.items()
    ]
    rows += [{"erased from": holder.place, "rows": holder.rows} for holder in erased.removed]
    lines = [table(rows)] if rows else ["no table held such rows"]
    lines += [f"{h.place} still has {h.rows} such rows\n  → {h.cure}" for h in erased.kept]
    commit = f" · commit {erased.report.commit}" if erased.report.commit else ""
    return "\n".join([*lines, "", f"run {erased.report.run_id}{commit}", _LATER])
