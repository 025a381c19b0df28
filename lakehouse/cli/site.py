"""`site`."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.session import Session


@click.command()
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="site",
    show_default=True,
    help="The folder to write to.",
)
@format_option
def site(*, folder: Path, style: str) -> None:
    """Write the site: pages of the project and of its pipeline, to open without a server."""
    from lakehouse.site.build import build

    built = build(Session(), folder)
    done = built.done
    document = {"start": str(built.start), "seconds": round(built.seconds, 4), **vars(done)}
    counts = (
        f"{len(done.written)} files written, {len(done.kept)} kept, {len(done.removed)} removed"
    )
    Output(style).result(document, f"{built.start}: {counts}")
