"""`postgres`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.session import Session


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=5433,
    show_default=True,
    help="The port of 127.0.0.1 to listen on.",
)
@format_option
def postgres(*, port: int, style: str) -> None:
    """Run the embedded Postgres on loopback until it is stopped, and print its address."""
    from lakehouse.postgres.port import listen

    session = Session()
    session.require_home()

    def ready(address: str, passfile: Path) -> None:
        # The example takes the password from a file: everybody could read it on a command line.
        example = (
            f"PGPASSFILE={shlex.quote(str(passfile))} psql {_without_password(address)}"
            ' -c "select * from marts.publication"'
        )
        Output(style).result({"address": address}, f"{address}\n  {example}\n  Ctrl-C stops it")
        sys.stdout.flush()  # otherwise a reader of a pipe would wait for ever

    listen(session.settings, port, ready)


def _without_password(address: str) -> str:
    user, _, place = address.rpartition("@")
    return f"{user.rpartition(':')[0]}@{place}"
