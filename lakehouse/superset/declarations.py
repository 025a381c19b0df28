"""What a project declares: dashboards, their charts, and the figures in these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

FULL_WIDTH = 12
"""Columns of the grid of a dashboard."""


@dataclass(frozen=True)
class Metric:
    """A figure over rows: an aggregate in the SQL of Postgres, such as 'SUM(total)'.

    Shares of several rows are right if they are sums of parts by sums of wholes. Superset has it as
    a metric of the table, for charts that people make themselves.
    """

    name: str
    sql: str
    format: str = ",d"
    """How numbers are written, as D3 does: '.1f' for one digit after the point."""
    color: str | None = None
    """Color of its line or bars on a dashboard, such as '#5aa55a'; None: Superset chooses one."""


@dataclass(frozen=True)
class Limit:
    """A line across a chart, such as the upper end of a range."""

    name: str
    value: float
    color: str = "#808080"


@dataclass(frozen=True)
class Chart:
    """A chart over the rows of one published table, which is named as models name it."""

    title: str
    table: str
    where: str = field(default="", kw_only=True)
    """A condition in the SQL of Postgres for the rows that are shown; empty: all rows."""
    description: str = field(default="", kw_only=True)
    width: int | None = field(default=None, kw_only=True)
    """Twelfths of the dashboard's width; None: what is left in its row, in equal parts."""


@dataclass(frozen=True)
class BigNumber(Chart):
    """One figure, in large letters."""

    metric: Metric
    note: str = ""
    """What is written below it."""


@dataclass(frozen=True)
class Lines(Chart):
    """Figures as lines over a column of dates."""

    x: str
    metrics: Sequence[Metric]
    limits: Sequence[Limit] = ()


@dataclass(frozen=True)
class Bars(Chart):
    """Figures as bars over a column; `stacked` puts those of one place on top of each other."""

    x: str
    metrics: Sequence[Metric]
    grain: Literal["day", "week", "month"] | None = None
    """By what dates are put together; None: each value has a place of its own."""
    stacked: bool = False
    top: float | None = None
    """Upper end of the axis; None: Superset chooses it."""


@dataclass(frozen=True)
class HeatMap(Chart):
    """A figure as colors over two columns, or SQL expressions of columns."""

    x: str
    y: str
    metric: Metric


@dataclass(frozen=True)
class Rows(Chart):
    """The rows themselves, the newest first by the first column, `limit` of them.

    `columns` are the names of columns with the format of their numbers; empty: as they are.
    """

    columns: Mapping[str, str]
    limit: int = 100


@dataclass(frozen=True)
class Dashboard:
    """A dashboard: charts in rows, from the top down.

    `filters` are columns by whose values people choose what all charts show, with their labels.
    The first value is chosen at the beginning.
    """

    title: str
    rows: Sequence[Sequence[Chart]]
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def charts(self) -> list[Chart]:
        """All charts, in order."""
        return [chart for row in self.rows for chart in row]


def widths(row: Sequence[Chart]) -> list[int]:
    """Return the widths of the charts of a row, in twelfths of the dashboard's."""
    given = [chart.width for chart in row]
    free = [chart for chart in row if chart.width is None]
    left = (FULL_WIDTH - sum(width or 0 for width in given)) // max(len(free), 1)
    return [left if width is None else width for width in given]
