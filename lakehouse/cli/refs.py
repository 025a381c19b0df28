"""`branches` and `tag`."""

from __future__ import annotations

from datetime import timedelta

import click

from lakehouse.catalogs import MAIN, BeginsMain, Branch
from lakehouse.cli.output import Output, format_option, table
from lakehouse.errors import UsageError
from lakehouse.session import Session
from lakehouse.system import clock


@click.command()
@click.option("--drop", metavar="NAME", help="Drop this branch, and the tables that only it has.")
@click.option(
    "--create-main", is_flag=True, help="Create the main branch that the settings name, empty."
)
@format_option
def branches(*, drop: str | None, create_main: bool, style: str) -> None:
    """List the branches: living, failed, held for review, orphaned."""
    from lakehouse.branches import run_branches

    session = Session()
    if create_main:
        name = _create_main(session)
        Output(style).result({"created": name}, f"created {name}")
        return
    if drop is not None:
        run_branches.drop(session.settings, session.catalog, drop)
        Output(style).result({"dropped": drop}, f"dropped {drop}")
        return
    existing = session.catalog.branches()
    states = [str(run_branches.status(session.settings, branch.name)) for branch in existing]
    rows = [
        {"branch": branch.name, "state": state, "base": branch.base, "made": branch.created_at}
        for branch, state in zip(existing, states, strict=True)
    ]
    shown = [
        {**row, "made": f"{branch.created_at:%Y-%m-%d %H:%M:%S}", "age": _age(branch)}
        for row, branch in zip(rows, existing, strict=True)
    ]
    Output(style).result(rows, table(shown) if shown else "no branches: all runs reached main")


@click.command()
@click.argument("name", required=False)
@click.argument("ref", default=MAIN)
@click.option("--delete", is_flag=True, help="Delete the tag; its commit stays.")
@format_option
def tag(*, name: str | None, ref: str, delete: bool, style: str) -> None:
    """Tag a commit, so that it stays readable; without NAME, list the tags.

    REF is main, a commit or another tag; main if left out.
    """
    catalog, output = Session().catalog, Output(style)
    if name is None:
        rows = [{"tag": known, "commit": commit} for known, commit in catalog.tags().items()]
        output.result(rows, table(rows) if rows else "no tags yet")
    elif delete:
        catalog.drop_tag(name)
        output.result({"deleted": name}, f"deleted the tag {name}")
    else:
        commit = catalog.tag(name, ref)
        output.result({"tag": name, "commit": commit.id}, f"{name} is commit {commit.id}")


def _create_main(session: Session) -> str:
    """Create the main branch on a server of refs; return its name there. Raises UsageError."""
    catalog, servers = session.catalog, session.settings.servers
    if servers is None or not isinstance(catalog, BeginsMain):
        raise UsageError(
            "a home has its main branch from the start", hint="`run` makes its first commit"
        )
    catalog.create_main()
    return servers.nessie_branch


def _age(branch: Branch) -> str:
    """Return how long ago a branch was made, in the largest unit that fits."""
    age = clock.now() - branch.created_at
    units = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1)}
    for name, unit in units.items():
        if age >= unit:
            return f"{age // unit} {name}"
    return "now"
