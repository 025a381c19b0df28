"""`merge`, `rollback` and `publish`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.cli.report import summary
from lakehouse.session import Session


@click.command()
@click.argument("run")
@format_option
def merge(*, run: str, style: str) -> None:
    """Merge the branch that RUN held for review, unless main changed its tables, and publish."""
    from lakehouse.history import main_moves

    _do(style, lambda session: main_moves.merge(session, run))


@click.command()
@click.argument("ref")
@format_option
def rollback(*, ref: str, style: str) -> None:
    """Make a commit that gives main the tables it had at REF, and publish them."""
    from lakehouse.history import main_moves

    _do(style, lambda session: main_moves.rollback(session, ref).to_json())


@click.command()
@click.option("--drop", metavar="MART", help="Drop this mart, which no model makes any more.")
@format_option
def publish(*, drop: str | None, style: str) -> None:
    """Publish all rows of all marts of main's newest commit again.

    A mart that no model makes any more stays in Postgres as it is, until it is dropped here.
    """
    from lakehouse.history import main_moves

    if drop is not None:
        _do(
            style,
            lambda session: main_moves.drop_mart(session, drop.removeprefix("marts.")).to_json(),
        )
        return
    _do(style, lambda session: main_moves.republish(session).to_json())


def _do(style: str, work: Callable[[Session], Mapping[str, Any]]) -> None:
    from lakehouse.publish import standing

    with Session() as session, standing.noted(session):
        session.require_home()
        record = work(session)
        Output(style).result(record, summary(record))
