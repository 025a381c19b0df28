"""Blocks of a page: each becomes HTML without rows, its rows, and what the page does with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from lakehouse.engines import python_rows
from lakehouse.errors import ProjectError, choices
from lakehouse.pages import Block, Chart, Columns, Figure, Figures, Notices, Rows, Text
from lakehouse.pages.decorators import Choice
from lakehouse.pages.html import Html, join, tag
from lakehouse.site import charts
from lakehouse.site.page_plan import PlannedPage
from lakehouse.site.values import NOTHING, Column, shown

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Piece:
    """A block with rows: `spec` is what the script of the page needs to show them."""

    spec: Mapping[str, Any]
    columns: Mapping[str, Column]
    """What is shown, by the names that `spec` uses."""
    chosen_by: Mapping[str, list[Any]] = field(default_factory=dict)
    """For each choice that is a column, its value of each row."""


class Renderer:
    """Renders the blocks of one page, and collects those that have rows as pieces."""

    def __init__(self, page: PlannedPage, zone: ZoneInfo) -> None:
        self.page, self.zone = page, zone
        self.pieces: list[Piece] = []
        self._with_rows: dict[type, Callable[[Any], Html]] = {
            Chart: self._chart,
            Figures: self._figures,
            Rows: self._rows,
            Notices: self._notices,
        }

    def html(self, blocks: Sequence[Block]) -> Html:
        """Return the HTML of blocks, in which the script of the page puts the rows."""
        return join(self._block(block) for block in blocks)

    def _block(self, block: Block) -> Html:
        if isinstance(block, Text):
            if block.level is None:
                return tag("p", block.text)
            return tag(f"h{min(max(block.level, 2), 4)}", block.text)
        if isinstance(block, Columns):
            return tag("div", (tag("div", self._block(b)) for b in block.blocks), class_="columns")
        for kind, rendered in self._with_rows.items():
            if isinstance(block, kind):
                return rendered(block)
        raise ProjectError(
            f"the page {self.page.name!r} returned {type(block).__name__} for a block",
            hint="a page returns a list of Text, Figures, Chart, Rows and Columns",
            place=self.page.place,
        )

    def _chart(self, block: Chart) -> Html:
        rows = self._executed(block.rows)
        drawn = charts.drawn(block.chart, charts.parameters(self.page.choices), block.title)
        spec = {"vega": {**drawn.vega, "description": block.description}}
        columns = dict(zip(rows.column_names, rows.columns, strict=True))
        place = self._add("chart", spec, columns, rows)
        plot = tag("div", class_="plot", role="img", aria_label=block.description)
        table = tag("details", tag("summary", "Show as table"), tag("div", class_="rows scroll"))
        caption = tag("figcaption", block.title)
        return tag("figure", caption, plot, table, data_block=place, class_="chart")

    def _figures(self, block: Figures) -> Html:
        rows = self._executed(block.rows)
        cells, specs = self._texts(rows, block.figures)
        self._require_one(rows)
        place = self._add("figures", {"figures": specs}, cells, rows)
        figures = (
            tag(
                "div",
                tag("dt", figure.label),
                tag("dd", NOTHING, class_="value"),
                tag("dd", figure.note, class_="note") if figure.note else None,
            )
            for figure in block.figures
        )
        return tag("dl", figures, class_="figures", data_block=place)

    def _rows(self, block: Rows) -> Html:
        rows = self._executed(block.rows)
        cells, specs = self._texts(rows, block.columns)
        place = self._add("rows", {"figures": specs}, cells, rows)
        caption = tag("figcaption", block.title)
        table = tag("div", class_="rows scroll")
        return tag("figure", caption, table, data_block=place, class_="table")

    def _notices(self, block: Notices) -> Html:
        rows = self._executed(block.rows)
        cells, specs = self._texts(rows, [Figure(block.column, "notice")])
        place = self._add("notices", {"figures": specs}, cells, rows)
        return tag("div", data_block=place, class_="notices", role="status")

    def _executed(self, rows: Any) -> pa.Table:
        return rows.to_pyarrow()

    def _add(self, kind: str, spec: Any, columns: Mapping[str, Any], rows: pa.Table) -> int:
        """Keep a block's rows as a piece, and return its number on the page."""
        chosen = {
            choice.name: python_rows.values(rows.column(choice.name))
            for choice in self.page.choices
            if choice.name in rows.column_names
        }
        self.pieces.append(Piece({"kind": kind, **spec}, columns, chosen))
        return len(self.pieces) - 1

    def _texts(
        self, rows: pa.Table, figures: Sequence[Figure]
    ) -> tuple[dict[str, list[str]], list[dict[str, Any]]]:
        """Return what figures show as columns of texts, and for each which of them it is."""
        cells: dict[str, list[str]] = {}
        specs = []
        for number, figure in enumerate(figures):
            of: str | dict[str, str] = str(number)
            by_value = figure.column if isinstance(figure.column, Mapping) else {"": figure.column}
            for place, (value, name) in enumerate(by_value.items()):
                if name not in rows.column_names:
                    raise ProjectError(
                        f"the figure {figure.label!r} shows {name!r}, which the rows do not have",
                        hint=choices("columns", name, rows.column_names),
                        place=self.page.place,
                    )
                key = f"{number}.{place}"
                digits = figure.digits
                digits = digits.get(value) if isinstance(digits, Mapping) else digits
                shown_values = python_rows.values(rows.column(name))
                cells[key] = [self._text(value, figure, digits) for value in shown_values]
                of = key if not value else {**(of if isinstance(of, dict) else {}), value: key}
            unit = dict(figure.unit) if isinstance(figure.unit, Mapping) else figure.unit
            is_number = all(_is_number(rows.schema.field(n).type) for n in by_value.values())
            spec: dict[str, Any] = {
                "label": figure.label,
                "of": of,
                "unit": unit,
                "number": is_number,
            }
            spec |= {"choice": self._switch(figure), "age": figure.age}
            specs.append(spec)
        return cells, specs

    def _text(self, value: Any, figure: Figure, digits: int | None) -> str:
        if figure.age and value is not None:
            return str(value.isoformat())
        return shown(value, self.zone, digits)

    def _switch(self, figure: Figure) -> str | None:
        """Return the choice on whose value a figure's column or unit depends; None if on none."""
        named = [set(part) for part in (figure.column, figure.unit) if isinstance(part, Mapping)]
        if not named:
            return None
        for choice in self.page.choices:
            if all(values == set(choice.values) for values in named):
                return choice.name
        values = ", ".join(sorted(named[0]))
        raise ProjectError(
            f"the figure {figure.label!r} has a column or a unit for {values}, and no choice has"
            " these values",
            hint=f"declare Choice('unit', 'Unit', ({values!r}, …)) with exactly these",
            place=self.page.place,
        )

    def _require_one(self, rows: pa.Table) -> None:
        """Raise ProjectError if figures have several rows for what can be chosen."""
        names = [c.name for c in self.page.choices if c.name in rows.column_names]
        columns = (python_rows.values(rows.column(name)) for name in names)
        keys = [*zip(*columns, strict=True)]
        if len(set(keys)) < len(keys) or (not names and rows.num_rows > 1):
            raise ProjectError(
                f"figures of the page {self.page.name!r} have several rows for one choice"
                f" of {', '.join(names) or 'nothing'}",
                hint="aggregate the rows to one, or filter them",
                place=self.page.place,
            )


def values_of(choice: Choice, pieces: Sequence[Piece]) -> list[Any]:
    """Return what can be chosen: what is declared, or the values that the rows have, sorted."""
    if choice.values:
        return list(choice.values)
    found = {v for piece in pieces for v in piece.chosen_by.get(choice.name, ()) if v is not None}
    return sorted(found, key=lambda value: (str(type(value)), value))


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )
