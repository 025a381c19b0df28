"""`superset`."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli.output import Output, format_option


@click.group()
def superset() -> None:
    """Show the marts in Superset."""


@superset.command()
@click.option(
    "-o",
    "--output",
    "place",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR|ZIP",
    help="Where to write the bundle: a folder, or a file whose name ends in .zip.",
)
@format_option
def export(*, place: Path, style: str) -> None:
    """Write the dashboards of the project, and the tables that they show, as a bundle.

    `superset import-dashboards` takes it. The bundle holds no password.
    """
    from lakehouse.session import Session
    from lakehouse.superset.bundle import documents
    from lakehouse.superset.project_dashboards import dashboards_of, published_tables
    from lakehouse.superset.reading_address import reading_address
    from lakehouse.superset.writing import write

    with Session() as session:
        dashboards = dashboards_of(session.settings)
        tables = published_tables(session.compiled, dashboards)
        address = reading_address(session.settings)
        write(documents(address.database, address.uri, tables, dashboards), place)
    charts = sum(len(dashboard.charts) for dashboard in dashboards)
    Output(style).result(
        {
            "bundle": str(place),
            "address": address.uri,
            "tables": [table.table for table in tables],
            "dashboards": [dashboard.title for dashboard in dashboards],
            "charts": charts,
        },
        f"{place}: dashboards {len(dashboards)}, charts {charts}, tables {len(tables)}\n"
        f"  Superset reads them from {address.uri}",
    )
