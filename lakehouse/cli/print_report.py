"""`report`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from lakehouse.cli.options import Day
from lakehouse.cli.output import Output, format_option
from lakehouse.errors import ConfigError, ProjectError
from lakehouse.pages.decorators import PageSpec
from lakehouse.session import Session

_SUFFIXES = (".html", ".pdf")


@click.command()
@click.argument("value", metavar="SITE")
@click.option(
    "--from", "first", type=Day(), help="First day; if left out, the report says how many."
)
@click.option("--to", "last", type=Day(), help="Last day; the newest one if left out.")
@click.option(
    "-o",
    "--output",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="FILE.html or FILE.pdf; report.html if left out.",
)
@format_option
def report(
    *, value: str, first: date | None, last: date | None, path: Path | None, style: str
) -> None:
    """Write the project's report about one person: HTML to print, or a PDF."""
    from lakehouse import report as reports
    from lakehouse.site.tables import Tables

    path = _place(path or Path("report.html"))
    with Session() as session:
        tables = Tables(session)
        _ = session.compiled_for_duckdb  # before pages are imported: their code is no part of it
        spec = _declared(session)
        subject = reports.subject(spec, tables.table, value, first, last)
        html = reports.html(subject)
    if path.suffix.lower() == ".pdf":
        path.write_bytes(reports.pdf(html))
    else:
        path.write_text(html, encoding="utf-8", errors="replace")
    span = subject.span
    document: dict[str, Any] = {"file": str(path), "first": span.first, "last": span.last}
    Output(style).result(document, f"{path}: {spec.title} of {value}, {span.first} to {span.last}")


def _declared(session: Session) -> PageSpec:
    """Return the project's only report. Raises ProjectError if it has none or several."""
    from lakehouse.pages import loading

    specs = [spec for spec in loading.load(session.settings, session.project) if spec.key]
    if len(specs) != 1:
        names = ", ".join(spec.name for spec in specs) or "none"
        raise ProjectError(
            f"the project declares {len(specs)} reports: {names}",
            hint=f"declare one function with `@report` in the package {session.settings.pages!r}",
        )
    return specs[0]


def _place(path: Path) -> Path:
    """Return where to write to. Raises ConfigError for another kind of file or no folder."""
    from lakehouse.draw import require_folder

    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigError(
            f"a report cannot be written to {path}", hint="give it the suffix .html or .pdf"
        )
    require_folder(path)
    return path
