"""`why`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lakehouse.catalogs import MAIN
from lakehouse.checks.result import CheckOutcome
from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session

if TYPE_CHECKING:
    from lakehouse.history.why import Origin, Why


class Condition(click.ParamType[tuple[str, str]]):
    """Parameter that is a column and its value, such as site=demo."""

    name = "COLUMN=VALUE"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        column, equals, wanted = value.partition("=")
        if not equals:
            self.fail(f"{value!r} has no value; write it as {value}=…", param, ctx)
        return column, wanted


@click.command()
@click.argument("name", metavar="TABLE")
@click.argument("conditions", metavar="COLUMN=VALUE...", nargs=-1, required=True, type=Condition())
@click.option("--ref", metavar="REF", default=MAIN, help="main, a branch, a tag or a commit.")
@click.option("--sql", is_flag=True, help="Also show the SQL of the model that built it.")
@format_option
def why(
    *, name: str, conditions: tuple[tuple[str, str], ...], ref: str, sql: bool, style: str
) -> None:
    """Trace the rows of TABLE with these values to their run, code, checks and parents."""
    from lakehouse.history.why import why as trace

    traced = trace(Session(), name, dict(conditions), ref)
    text = "\n".join(_lines(traced))
    if sql:
        text += f"\n\n{traced.sql or 'the code that built it is no longer kept'}"
    Output(style).result(asdict(traced), text)


def _lines(traced: Why) -> Iterator[str]:
    yield table(traced.rows)
    if traced.count > len(traced.rows):
        yield f"… and {traced.count - len(traced.rows)} more rows; what follows is about the first"
    yield ""
    yield from _built(traced)
    yield ""
    origins = [_origin(origin) for origin in traced.origins]
    yield table(origins) if origins else "from the source"
    if traced.checks:
        yield ""
        yield table(
            [
                {
                    "checked in that run": check["label"],
                    "": CheckOutcome.of(check).shown,
                    "rows": check["failures"],
                }
                for check in traced.checks
            ]
        )


def _built(traced: Why) -> Iterator[str]:
    if traced.run:
        yield f"run     {traced.run}"
    if traced.commit:
        commit, at = traced.commit, f"{traced.commit.committed_at:%Y-%m-%d %H:%M:%S}"
        yield f"commit  {commit.id} · {at} · {commit.author} · {commit.message}"
    if traced.fingerprint:
        yield f"code    {traced.fingerprint} · --sql shows it"
    if not traced.run:
        yield "no run that built it is recorded, or it is a view"


def _origin(origin: Origin) -> dict[str, Any]:
    writers = (run if count is None else f"{count} by {run}" for run, count in origin.runs.items())
    return {
        "made of": origin.table,
        "rows": origin.rows,
        "where": origin.reach,
        "by run": ", ".join(writers),
    }
