"""`refill`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lakehouse.catalogs import MAIN
from lakehouse.cli.output import Output, format_option
from lakehouse.errors import UnknownNameError, choices
from lakehouse.session import Session

if TYPE_CHECKING:
    from lakehouse.run.refilling import Refill


@click.command()
@click.argument("target", metavar="TABLE[.COLUMN]")
@format_option
def refill(*, target: str, style: str) -> None:
    """Fill a new column of a raw table from the stored payload, and ask no source.

    Without COLUMN, every column that is null in all rows.
    """
    from lakehouse.cli.options import Selection
    from lakehouse.cli.run import execute
    from lakehouse.windows import ALL_TIME

    with Session() as session:
        edit = _refill(session, target)
        selection = Selection(f"{edit.spec.table}+", None, MAIN)
        options = {"message": edit.message, "edit": edit}
        execute(session, (ALL_TIME,), selection, Output(style), **options)


def _refill(session: Session, target: str) -> Refill:
    """Return the edit for a raw table, or one of its columns. Raises UnknownNameError."""
    from lakehouse.ingest.refilled_rows import require_refillable
    from lakehouse.run.refilling import Refill

    for spec in session.project.ingestions.values():
        for name in (spec.name, spec.table):
            if target == name or target.startswith(f"{name}."):
                column = target.removeprefix(name).removeprefix(".") or None
                require_refillable(spec, column)
                return Refill(spec, column)
    known = [spec.table for spec in session.project.ingestions.values()]
    raise UnknownNameError(f"{target!r} is no raw table", hint=choices("raw tables", target, known))
