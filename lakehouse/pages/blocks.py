"""Blocks: what pages and reports are made of.

Rows are Ibis tables, which are executed when a page is rendered. A block whose rows have the column
of a choice, such as `site`, shows those of the value that is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import ibis.expr.types as ir

Column: TypeAlias = "str | Mapping[str, str]"
"""A column, or one for each value of a choice: {'°C': 'celsius', '°F': 'fahrenheit'}."""


@dataclass(frozen=True)
class Text:
    """A paragraph, or a heading if `level` is 2 or 3; it is shown as it is written."""

    text: str
    level: int | None = None


@dataclass(frozen=True)
class Figure:
    """One number, or one word, with what it means."""

    column: Column
    label: str
    unit: Column = ""
    """The unit after the number, such as '%', or one for each value of a choice."""
    digits: int | Mapping[str, int] | None = None
    """Digits after the point, or those for each value of a choice; None: it is shown as it is."""
    note: str = ""
    """What one should know beside it, such as a target."""
    age: bool = False
    """Whether the value is an instant, shown as how long ago it is for who looks at the page."""


@dataclass(frozen=True)
class Figures:
    """Numbers side by side, each from a column of the only row that is chosen."""

    rows: ir.Table
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Notices:
    """Warnings, one for each row: the text of a column, where it is neither null nor empty."""

    rows: ir.Table
    column: Column


@dataclass(frozen=True)
class Chart:
    """A chart of Altair over rows: it has marks, encodings and transformations, and no data."""

    chart: Any
    rows: ir.Table
    title: str
    description: str
    """What the chart shows, for those who cannot see it."""


@dataclass(frozen=True)
class Rows:
    """A table of the rows, in their order, with the figures as columns."""

    rows: ir.Table
    columns: Sequence[Figure]
    title: str


@dataclass(frozen=True)
class Columns:
    """Blocks side by side where the page is wide enough, one below the other where it is not."""

    blocks: Sequence[Block]


Block: TypeAlias = "Text | Figures | Notices | Chart | Rows | Columns"
