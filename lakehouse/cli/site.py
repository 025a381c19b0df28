"""`site`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.session import Session
from lakehouse.system.garbage import paused


@click.command()
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    help="The folder to write to; needed without --serve.",
)
@click.option("--serve", "serves", is_flag=True, help="Serve it on 127.0.0.1, until Ctrl-C.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port to serve on; 0 for any that is free.",
)
@format_option
def site(*, folder: Path | None, serves: bool, port: int, style: str) -> None:
    """Write the pages of the project and its pipeline as a site that needs no server."""
    if folder is None and not serves:
        raise click.UsageError("name a folder with -o, or use --serve")
    output = Output(style)
    with ExitStack() as stack:
        with paused():
            from lakehouse.site.build import build

            session = stack.enter_context(Session())
            place = folder or Path(stack.enter_context(TemporaryDirectory()))
            built = build(session, place)
        done = built.done
        if not serves:
            document = {"start": str(built.start), "seconds": round(built.seconds, 4)}
            counts = (f"{len(files)} files {what}" for what, files in vars(done).items() if files)
            output.result(document | vars(done), f"{built.start}: {', '.join(counts)}")
            return
        from lakehouse.site.serve import serve

        def ready(address: str) -> None:
            output.result({"address": address}, f"{address}\n  Ctrl-C stops it")
            sys.stdout.flush()  # otherwise a reader of a pipe would wait for ever

        serve(session, place.absolute(), port, ready, output.warning)
