"""The pages of a project: its functions are asked for blocks, whose rows are read and laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from lakehouse.declare.project_code import placed
from lakehouse.errors import ProjectError, QueryError
from lakehouse.pages.decorators import Choice, PageSpec
from lakehouse.pages.html import Html, script_json, tag
from lakehouse.site.blocks import Renderer
from lakehouse.site.frame import Frame
from lakehouse.site.page_data import page_data
from lakehouse.site.page_plan import PlannedPage, RowsOf, ask, firsts_of
from lakehouse.site.tables import Tables


def path_of(page: PlannedPage) -> str:
    """Return where a page lies in the folder of the site."""
    return f"pages/{page.name}.html"


def render(
    page: PlannedPage,
    tables: Tables,
    frame: Frame,
    zone: ZoneInfo,
    spec_of: Callable[[str], PageSpec],
) -> Mapping[str, str]:
    """Return the files of a page. Raises ProjectError if it cannot be made.

    The function of a page that is not planned is in what `spec_of` returns for its name.
    """
    missing = [name for name in page.tables if not tables.has(name)]
    if missing:
        text = f"Nothing to show yet: {', '.join(missing)} is not built. `run` builds it."
        return {path_of(page): frame.page(path_of(page), page.title, tag("p", text))}
    renderer = Renderer(page, zone)
    if page.blocks is None:
        spec = spec_of(page.name)
        with placed(f"the page {page.name!r} cannot be made", spec.function):
            given = {name: tables.table(name) for name in spec.tables}
            content = renderer.html(ask(spec, given))
            firsts = _firsts(firsts_of(spec.choices, given))
    else:
        with _told(page):
            read = tables.reader(page)
            rows = {name: RowsOf(unread, read) for name, unread in page.firsts.items()}
            content, firsts = renderer.html(page.with_rows(read)), _firsts(rows)
    head, files = page_data(page.name, page.choices, renderer.pieces, zone, firsts)
    draws = any(piece.spec["kind"] == "chart" for piece in renderer.pieces)
    html = frame.page(
        path_of(page),
        page.title,
        _controls(page.choices, head) if page.choices else None,
        tag("p", id="problem", role="alert"),
        content,
        tag("script", Html(script_json(head)), type="application/json", id="page-data"),
        scripts=["vega"] if draws else [],
    )
    return {path_of(page): html, **files}


@contextmanager
def _told(page: PlannedPage) -> Iterator[None]:
    """Give an error of the engine the place of the page."""
    try:
        yield
    except QueryError as error:
        raise ProjectError(
            f"the page {page.name!r} cannot be made: {page.place}: {error.message}", hint=error.hint
        ) from error


def _firsts(by_choice: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what is chosen at first, by choice and value before it, from rows by choice."""
    firsts = {}
    for name, rows in by_choice.items():
        columns = rows.to_pyarrow().columns
        said = zip(*(map(str, each.to_pylist()) for each in columns), strict=True)
        firsts[name] = dict(sorted(said))
    return firsts


def _controls(declared: tuple[Choice, ...], head: Mapping[str, object]) -> Html:
    labels = _labels(head)
    return tag(
        "form",
        (
            tag(
                "label",
                tag("span", choice.label),
                tag(
                    "select",
                    (tag("option", value, value=value) for value in labels[choice.name]),
                    name=choice.name,
                    autocomplete="off",
                ),
            )
            for choice in declared
        ),
        id="choices",
        aria_label="Choices",
    )


def _labels(head: Mapping[str, object]) -> dict[str, list[str]]:
    def listed() -> Iterator[tuple[str, list[str]]]:
        for choice in head["choices"]:  # type: ignore[attr-defined]
            yield choice["name"], choice["values"]

    return dict(listed())
