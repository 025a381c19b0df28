"""The pages of a project: its functions are asked for blocks, whose rows are read and laid out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from zoneinfo import ZoneInfo

from lakehouse.declare.project_code import place_of, placed
from lakehouse.errors import ProjectError
from lakehouse.pages.decorators import Choice, PageSpec
from lakehouse.pages.html import Html, script_json, tag
from lakehouse.site.blocks import Renderer
from lakehouse.site.frame import Frame
from lakehouse.site.page_data import page_data
from lakehouse.site.tables import Tables


def path_of(spec: PageSpec) -> str:
    """Return where a page lies in the folder of the site."""
    return f"pages/{spec.name}.html"


def render(spec: PageSpec, tables: Tables, frame: Frame, zone: ZoneInfo) -> Mapping[str, str]:
    """Return the files of a page. Raises ProjectError if its function fails."""
    missing = [name for name in spec.tables if not tables.has(name)]
    if missing:
        text = f"Nothing to show yet: {', '.join(missing)} is not built. `run` builds it."
        return {path_of(spec): frame.page(path_of(spec), spec.title, tag("p", text))}
    renderer = Renderer(spec, zone)
    with placed(f"the page {spec.name!r} cannot be made", spec.function):
        blocks = spec.function(*map(tables.table, spec.tables))
        if not isinstance(blocks, list | tuple):
            raise ProjectError(
                f"the page {spec.name!r} returned {type(blocks).__name__}, not blocks",
                hint="a page returns a list of Text, Figures, Chart, Rows and Columns",
                place=place_of(spec.function),
            )
        content = renderer.html(blocks)
        firsts = _firsts(spec, tables)
    head, files = page_data(spec.name, spec.choices, renderer.pieces, zone, firsts)
    draws = any(piece.spec["kind"] == "chart" for piece in renderer.pieces)
    html = frame.page(
        path_of(spec),
        spec.title,
        _controls(spec.choices, head) if spec.choices else None,
        tag("p", id="problem", role="alert"),
        content,
        tag("script", Html(script_json(head)), type="application/json", id="page-data"),
        scripts=["vega"] if draws else [],
    )
    return {path_of(spec): html, **files}


def _firsts(spec: PageSpec, tables: Tables) -> dict[str, dict[str, str]]:
    """Return what a table says is chosen at first, for each value of the choice before."""
    firsts = {}
    for before, choice in pairwise(spec.choices):
        if choice.first:
            table, _, column = choice.first.rpartition(".")
            rows = tables.table(table).select(before.name, column).distinct().to_pyarrow()
            said = zip(*(map(str, each.to_pylist()) for each in rows.columns), strict=True)
            firsts[choice.name] = dict(sorted(said))
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
