"""The pieces of a site that are about its pipeline: which there are, and what each depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lakehouse.pages.html import Content, script_json
from lakehouse.site.folder import Piece, content_name, digest
from lakehouse.site.frame import Frame, Link
from lakehouse.site.pipeline import lists, overview, picture, run_pages
from lakehouse.site.pipeline.code import Code
from lakehouse.site.pipeline.facts import Facts, TableFacts
from lakehouse.site.pipeline.parts import file_name, run_path, table_path
from lakehouse.site.pipeline.table_page import table_page

if TYPE_CHECKING:
    from lakehouse.session import Session

LINKS = (
    Link("Pipeline", overview.PATH),
    Link("Runs", run_pages.PATH),
    Link("Alerts", "alerts.html"),
    Link("Quarantine", "quarantine.html"),
    Link("Storage", "storage.html"),
)


def pieces(session: Session, facts: Facts, frame: Frame, code: str) -> Iterator[Piece]:
    """Yield the pieces of all pages about a pipeline; `code` is a fingerprint of what makes them.

    Most pages are quicker made than compared: their fingerprint is that of their text.
    """
    zone = session.settings.timezone

    def page(path: str, title: str, content: Sequence[Content]) -> Piece:
        text = frame.page(path, title, *content, searches=True)
        return Piece(path, digest(text), lambda: {path: text})

    shown = picture.of_tables(facts)

    def with_picture(drawn: Content) -> str:
        content = overview.overview(facts, zone, drawn)
        return frame.page(overview.PATH, "Pipeline", *content, searches=True)

    def whole() -> Mapping[str, str]:
        return {overview.PATH: with_picture(picture.drawn(shown, facts))}

    yield Piece(overview.PATH, digest(code, shown, with_picture(None)), whole)
    yield page(run_pages.PATH, "Runs", run_pages.runs(facts, zone))
    yield page("alerts.html", "Alerts", lists.alerts(facts, zone))
    yield page("quarantine.html", "Quarantine", lists.quarantine(facts))
    yield page("storage.html", "Storage", lists.storage(facts, zone))
    for record in facts.runs:
        title = f"Run {record['run']}"
        yield page(run_path(record["run"]), title, run_pages.run_page(facts, record, zone))
    written = Code(session)
    for name, entry in facts.tables.items():
        path = _code_path(entry)
        table = entry.spec.table
        yield page(table_path(table), table, table_page(facts, name, path, zone))
        fingerprint = digest(code, written.fingerprint(name))
        yield Piece(f"code {name}", fingerprint, partial(_code, written, name, path))
    yield _search(facts)


def _code_path(entry: TableFacts) -> str:
    return f"data/code/{file_name(entry.spec.table)}.js"


def _code(written: Code, name: str, path: str) -> Mapping[str, str]:
    return {path: f"lakehouse.data({script_json(path)},{script_json(written.parts(name))});\n"}


def _search(facts: Facts) -> Piece:
    """Return the names that the search box knows: tables with their columns."""
    names = [
        [entry.spec.table, table_path(entry.spec.table), [*entry.columns]]
        for entry in facts.tables.values()
    ]
    text = f"lakehouse.data({script_json('assets/search.js')},{script_json(names)});\n"
    return Piece("search", content_name(text), lambda: {"assets/search.js": text})
