"""`init` and `new`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from lakehouse import config
from lakehouse.cli.output import Output, format_option
from lakehouse.scaffold import TEMPLATES, create, new_check, new_ingestion, new_model
from lakehouse.scaffold.declarations import Added


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--template",
    type=click.Choice(TEMPLATES),
    default=TEMPLATES[0],
    show_default=True,
    help="The source that the project begins with.",
)
@format_option
def init(*, folder: Path, template: str, style: str) -> None:
    """Write a small project to DIR: a source, a seed, models, a check and tests."""
    paths = create(folder, template)
    shown = [f"{folder}: {len(paths)} files", *(f"  {path}" for path in paths)]
    shown += ["", "next:", f"  cd {folder}", "  make run", "  make test"]
    Output(style).result({"folder": str(folder), "files": paths}, "\n".join(shown))


@click.group()
def new() -> None:
    """Add an ingestion, a model or a check to the project, to be filled in."""


@new.command()
@click.argument("name")
@format_option
def ingestion(*, name: str, style: str) -> None:
    """Add the ingestion of raw.NAME, in a module of its own."""
    _show(new_ingestion(config.load(), name), style)


@new.command()
@click.argument("table", metavar="SCHEMA.NAME")
@click.option(
    "--reads", metavar="TABLE", multiple=True, required=True, help="A table that it reads."
)
@format_option
def model(*, table: str, reads: tuple[str, ...], style: str) -> None:
    """Add a model to the module of its schema."""
    _show(new_model(config.load(), table, reads), style)


@new.command()
@click.argument("name")
@click.option("--table", required=True, help="The table that it looks at.")
@format_option
def check(*, name: str, table: str, style: str) -> None:
    """Add a check of a table, which returns the rows that must not exist."""
    _show(new_check(config.load(), name, table), style)


def _show(added: Added, style: str) -> None:
    path = os.path.relpath(added.path)
    Output(style).result({"name": added.name, "file": path}, f"{path}: {added.name}")
