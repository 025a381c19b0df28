"""`why`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from lakehouse.catalogs import MAIN
from lakehouse.cli.output import Output, format_option, table
from lakehouse.session import Session

if TYPE_CHECKING:
    from lakehouse.why import Origin, Why


class Condition(click.ParamType[tuple[str, str]]):
    """A column and its value, such as site=demo."""

    name = "COLUMN=VALUE"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        column, equals, wanted = value.partition("=")
        if not equals:
            self.fail(f"{value!r} says no value; write it as {value}=…", param, ctx)
        return column, wanted


@click.command()
@click.argument("name", metavar="TABLE")
@click.argument("conditions", metavar="COLUMN=VALUE...", nargs=-1, required=True, type=Condition())
@click.option("--ref", metavar="REF", default=MAIN, help="main, a branch, a tag or a commit.")
@click.option("--sql", is_flag=True, help="Show what the model is built from, too.")
@format_option
def why(
    *, name: str, conditions: tuple[tuple[str, str], ...], ref: str, sql: bool, style: str
) -> None:
    """Trace the rows of TABLE with these values to run, code, checks and parents."""
    from lakehouse.why import why as trace

    found = trace(Session(), name, dict(conditions), ref)
    text = "\n".join(_lines(found))
    if sql:
        text += f"\n\n{found.sql or 'what it was built from is not known any more'}"
    Output(style).result(asdict(found), text)


def _lines(found: Why) -> Iterator[str]:
    yield table(found.rows)
    if found.count > len(found.rows):
        yield f"… and {found.count - len(found.rows)} more rows; what follows is about the first"
    yield ""
    yield from _built(found)
    yield ""
    yield table([_origin(each) for each in found.origins]) if found.origins else "from the source"
    if found.checks:
        yield ""
        yield table(
            [
                {
                    "checked in that run": each["label"],
                    "": "passed" if each["passed"] else "FAILED" if each["blocking"] else "warning",
                    "rows": each["failures"],
                }
                for each in found.checks
            ]
        )


def _built(found: Why) -> Iterator[str]:
    if found.run:
        yield f"run     {found.run}"
    if found.commit:
        at = f"{found.commit.committed_at:%Y-%m-%d %H:%M:%S}"
        yield f"commit  {found.commit.id} · {at} · {found.commit.author} · {found.commit.message}"
    if found.fingerprint:
        yield f"code    {found.fingerprint} · --sql shows it"
    if not found.run:
        yield "which run built it is not remembered, or it is a view"


def _origin(origin: Origin) -> dict[str, Any]:
    wrote = ", ".join(run if n is None else f"{n} by {run}" for run, n in origin.runs.items())
    return {"made of": origin.table, "rows": origin.rows, "where": origin.reach, "by run": wrote}
