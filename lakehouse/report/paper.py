"""A report as HTML for paper: one A4 side, without scripts, and with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from typing import Any

from lakehouse.pages import Block, Chart, Columns, Figure, Figures, Notices, Rows, Text
from lakehouse.report import charts
from lakehouse.report.shown import day, of_choice, shown
from lakehouse.report.subject import Subject

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(subject: Subject) -> str:
    """Return the report as a document of its own."""
    span, title = subject.span, f"{subject.spec.title}: {subject.value}"
    days = "1 day" if span.days == 1 else f"{span.days} days"
    when = day(span.first) if span.days == 1 else f"{day(span.first)} to {day(span.last)}"
    style = files(__package__).joinpath("paper.css").read_text()
    body = "\n".join(_written(block, subject.chosen) for block in subject.blocks())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}, {when}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{escape(subject.spec.title)}</h1>
<p><strong>{escape(subject.value)}</strong> · {when} · {days}</p>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _written(block: Block, chosen: Mapping[str, str]) -> str:
    """Return a block as HTML; this is where all text is escaped."""
    match block:
        case Text(text, level):
            tag = f"h{level}" if level else "p"
            return f"<{tag}>{escape(text)}</{tag}>"
        case Figures(rows, figures):
            return "\n".join(_figures(row, figures, chosen) for row in _read(rows))
        case Notices(rows, column):
            texts = [row[of_choice(column, chosen)] for row in _read(rows)]
            return "\n".join(f'<p class="notice">{escape(text)}</p>' for text in texts if text)
        case Rows():
            return _table(block, chosen)
        case Chart():
            title = f"<figcaption>{escape(block.title)}</figcaption>" if block.title else ""
            drawn = charts.svg(block, chosen)
            label = escape(block.description)
            return f'<figure>{title}<div role="img" aria-label="{label}">{drawn}</div></figure>'
        case Columns(blocks):
            parts = "\n".join(f"<div>{_written(each, chosen)}</div>" for each in blocks)
            return f'<div class="columns">\n{parts}\n</div>'


def _figures(row: Mapping[str, Any], figures: Iterable[Figure], chosen: Mapping[str, str]) -> str:
    pairs = (
        f'<div data-figure="{escape(of_choice(figure.column, chosen))}">'
        f"<dt>{escape(figure.label)}</dt><dd>{_cell(row, figure, chosen)}"
        + (f"<small>{escape(figure.note)}</small>" if figure.note else "")
        + "</dd></div>"
        for figure in figures
    )
    return f'<dl class="figures">{"".join(pairs)}</dl>'


def _table(block: Rows, chosen: Mapping[str, str]) -> str:
    rows = _read(block.rows)
    heads = "".join(
        f'<th scope="col"{_kind(rows, column, chosen)}>{escape(column.label)}</th>'
        for column in block.columns
    )
    lines = "\n".join(
        "<tr>"
        + "".join(
            f"<td{_kind(rows, column, chosen)}>{_cell(row, column, chosen)}</td>"
            for column in block.columns
        )
        + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(block.title)}</caption>" if block.title else ""
    return f"<table>{title}<thead><tr>{heads}</tr></thead>\n<tbody>{lines}</tbody></table>"


def _cell(row: Mapping[str, Any], figure: Figure, chosen: Mapping[str, str]) -> str:
    value = row[of_choice(figure.column, chosen)]
    digits = None if figure.digits is None else of_choice(figure.digits, chosen)
    unit = of_choice(figure.unit, chosen)
    text = escape(shown(value, digits))
    return (
        f'{text}<span class="unit"> {escape(unit)}</span>' if unit and value is not None else text
    )


def _kind(rows: Iterable[Mapping[str, Any]], figure: Figure, chosen: Mapping[str, str]) -> str:
    """Return the class of a column of numbers, which are aligned to the right."""
    column = of_choice(figure.column, chosen)
    is_number = any(isinstance(row[column], int | float) for row in rows)
    return ' class="number"' if is_number else ""


def _read(rows: Any) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = rows.to_pyarrow().to_pylist()
    return read
