"""`postgres`."""

from __future__ import annotations

import click

from lakehouse.cli.output import Output, format_option
from lakehouse.session import Session


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5433, show_default=True)
@format_option
def postgres(*, port: int, style: str) -> None:
    """Run the Postgres of the marts on loopback, and print its address, until Ctrl-C."""
    from lakehouse.postgres.port import listen

    session = Session()
    session.require_home()

    def ready(address: str) -> None:
        example = f'psql "{address}" -c "select * from marts.publication"'
        Output(style).result({"address": address}, f"{address}\n  {example}\n  Ctrl-C stops it")

    try:
        listen(session.settings, port, ready)
    except KeyboardInterrupt:
        return
