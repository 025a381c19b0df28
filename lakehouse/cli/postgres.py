"""`postgres`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.session import Session


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5433, show_default=True)
@format_option
def postgres(*, port: int, style: str) -> None:
    """Run the Postgres of the marts on loopback, and print its address, until it is stopped."""
    from lakehouse.postgres.port import listen

    session = Session()
    session.require_home()

    def ready(address: str, passfile: Path) -> None:
        # On a command line, everybody on the machine could read the password.
        example = (
            f"PGPASSFILE={shlex.quote(str(passfile))} psql {_without_password(address)}"
            ' -c "select * from marts.publication"'
        )
        Output(style).result({"address": address}, f"{address}\n  {example}\n  Ctrl-C stops it")
        sys.stdout.flush()  # who reads it from a pipe would wait for ever

    listen(session.settings, port, ready)


def _without_password(address: str) -> str:
    user, _, place = address.rpartition("@")
    return f"{user.rpartition(':')[0]}@{place}"
