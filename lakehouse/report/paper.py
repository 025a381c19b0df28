"""A report as HTML for paper: one A4 side, without scripts, and with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from lakehouse.pages import Block, Chart, Columns, Figure, Figures, Notices, Rows, Text
from lakehouse.pages.html import Html, join, tag
from lakehouse.report import charts
from lakehouse.report.shown import day, of_choice, shown
from lakehouse.report.subject import Subject

_POLICY = Html(
    '<meta http-equiv="Content-Security-Policy"'
    """ content="default-src 'none'; style-src 'unsafe-inline'">"""
)
"""Nothing is loaded from elsewhere, and nothing is run."""


def html(subject: Subject) -> str:
    """Return the report as a document of its own."""
    span, title = subject.span, f"{subject.spec.title}: {subject.value}"
    days = "1 day" if span.days == 1 else f"{span.days} days"
    when = day(span.first) if span.days == 1 else f"{day(span.first)} to {day(span.last)}"
    style = files(__package__).joinpath("paper.css").read_text()
    head = [
        tag("meta", charset="utf-8"),
        _POLICY,
        tag("meta", name="viewport", content="width=device-width"),
        tag("title", f"{title}, {when}"),
        tag("style", Html(style)),
    ]
    heading = tag("p", tag("strong", subject.value), f" · {when} · {days}")
    body = [
        tag("header", tag("h1", subject.spec.title), heading),
        tag("main", (_written(block, subject.chosen) for block in subject.blocks())),
    ]
    return f"<!DOCTYPE html>\n{tag('html', tag('head', head), tag('body', body), lang='en')}\n"


def _written(block: Block, chosen: Mapping[str, str]) -> Html:
    """Return a block as HTML."""
    match block:
        case Text(text, level):
            return tag(f"h{level}" if level else "p", text)
        case Figures(rows, figures):
            return join(_figures(row, figures, chosen) for row in _read(rows))
        case Notices(rows, column):
            texts = [row[of_choice(column, chosen)] for row in _read(rows)]
            return join(tag("p", text, class_="notice") for text in texts if text)
        case Rows():
            return _table(block, chosen)
        case Chart():
            title = tag("figcaption", block.title) if block.title else None
            drawn = Html(charts.svg(block, chosen))
            return tag("figure", title, tag("div", drawn, role="img", aria_label=block.description))
        case Columns(blocks):
            parts = (tag("div", _written(each, chosen)) for each in blocks)
            return tag("div", parts, class_="columns")


def _figures(row: Mapping[str, Any], figures: Iterable[Figure], chosen: Mapping[str, str]) -> Html:
    pairs = (
        tag(
            "div",
            tag("dt", figure.label),
            tag(
                "dd",
                _cell(row, figure, chosen),
                tag("small", figure.note) if figure.note else None,
            ),
            data_figure=of_choice(figure.column, chosen),
        )
        for figure in figures
    )
    return tag("dl", pairs, class_="figures")


def _table(block: Rows, chosen: Mapping[str, str]) -> Html:
    rows = _read(block.rows)
    kinds = [_kind(rows, column, chosen) for column in block.columns]
    columns = [*zip(block.columns, kinds, strict=True)]
    heads = (tag("th", column.label, scope="col", class_=kind) for column, kind in columns)
    lines = (
        tag("tr", (tag("td", _cell(row, column, chosen), class_=kind) for column, kind in columns))
        for row in rows
    )
    title = tag("caption", block.title) if block.title else None
    return tag("table", title, tag("thead", tag("tr", heads)), tag("tbody", lines))


def _cell(row: Mapping[str, Any], figure: Figure, chosen: Mapping[str, str]) -> Html:
    value = row[of_choice(figure.column, chosen)]
    digits = None if figure.digits is None else of_choice(figure.digits, chosen)
    unit = of_choice(figure.unit, chosen)
    has_unit = unit and value is not None
    return join(
        [shown(value, digits), tag("span", f" {unit}", class_="unit") if has_unit else None]
    )


def _kind(
    rows: Iterable[Mapping[str, Any]], figure: Figure, chosen: Mapping[str, str]
) -> str | None:
    """Return the class of a column of numbers, which are aligned to the right."""
    column = of_choice(figure.column, chosen)
    return "number" if any(isinstance(row[column], int | float) for row in rows) else None


def _read(rows: Any) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = rows.to_pyarrow().to_pylist()
    return read
