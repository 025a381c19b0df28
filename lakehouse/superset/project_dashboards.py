"""The dashboards that a project declares, held against the tables that it publishes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse.errors import ProjectError, choices
from lakehouse.pages import loading
from lakehouse.superset.bundle import Published, metrics_of, slug_of
from lakehouse.superset.declarations import (
    FULL_WIDTH,
    Bars,
    Chart,
    Dashboard,
    HeatMap,
    Lines,
    Rows,
    widths,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakehouse.compile.compiler import Compiled
    from lakehouse.config import Settings


def dashboards_of(settings: Settings) -> list[Dashboard]:
    """Return the dashboards in the modules of the project's package of pages."""
    values = (value for module in loading.modules(settings) for value in vars(module).values())
    found = {id(value): value for value in values if isinstance(value, Dashboard)}
    return [*found.values()]


def published_tables(compiled: Compiled, dashboards: Iterable[Dashboard]) -> list[Published]:
    """Return the published tables, with the figures that the dashboards show of each.

    Raises ProjectError for a dashboard that names what no published table has.
    """
    tables = {
        name: Published(spec, compiled.schemas[name])
        for name, spec in compiled.project.published.items()
    }
    titles: set[str] = set()
    for dashboard in dashboards:
        _require_new(titles, dashboard.title, "dashboard")
        _require_layout(dashboard)
        for chart in dashboard.charts:
            place = f"the chart {chart.title!r} of {dashboard.title!r}"
            if chart.table not in tables:
                raise ProjectError(
                    f"{place} shows {chart.table!r}, which is no published table",
                    hint=choices("published tables", chart.table, tables),
                )
            _require_columns(chart, tables[chart.table], place)
            tables[chart.table] = _with_metrics(tables[chart.table], chart, place)
        _require_filters(dashboard, tables)
    return [*tables.values()]


def _require_new(titles: set[str], title: str, what: str) -> None:
    """Add a title; raise ProjectError if there is one that differs in signs and capitals alone."""
    slug = slug_of(title)
    if not slug or slug in titles:
        problem = "has no letter or digit" if not slug else "is there twice"
        raise ProjectError(
            f"the {what} {title!r} {problem}", hint="give each a title of its own, in words"
        )
    titles.add(slug)


def _require_layout(dashboard: Dashboard) -> None:
    titles: set[str] = set()
    for row in dashboard.rows:
        for chart in row:
            _require_new(titles, chart.title, "chart")
        if sum(widths(row)) > FULL_WIDTH or min(widths(row), default=0) < 1:
            raise ProjectError(
                f"a row of {dashboard.title!r} does not fit its width:"
                f" {', '.join(chart.title for chart in row) or 'it has no chart'}",
                hint="the widths of the charts of a row are 12 together, at most",
            )


def _require_columns(chart: Chart, table: Published, place: str) -> None:
    """Raise ProjectError for a column that the table lacks."""
    for sql in _expressions(chart):
        for column in _columns(sql, place):
            if column not in table.schema:
                raise ProjectError(
                    f"{place} names {column!r}, which {table.table} lacks",
                    hint=choices("columns", column, table.schema),
                )


def _expressions(chart: Chart) -> Iterator[str]:
    """Yield all that a chart says in SQL."""
    if chart.where:
        yield chart.where
    yield from (metric.sql for metric in metrics_of(chart))
    if isinstance(chart, Lines | Bars | HeatMap):
        yield chart.x
    if isinstance(chart, HeatMap):
        yield chart.y
    if isinstance(chart, Rows):
        yield from chart.columns


def _columns(sql: str, place: str) -> list[str]:
    """Return the names of the columns in an expression in the SQL of Postgres."""
    import sqlglot
    from sqlglot import exp

    try:
        parsed = sqlglot.parse_one(sql, read="postgres")
    except sqlglot.ParseError as error:
        reason = error.errors[0]["description"] if error.errors else str(error)
        raise ProjectError(
            f"{place} has SQL that cannot be read, {sql!r}: {reason}",
            hint="write one expression in the SQL of Postgres, such as SUM(total)",
        ) from None
    return [column.name for column in parsed.find_all(exp.Column)]


def _with_metrics(table: Published, chart: Chart, place: str) -> Published:
    """Return a table with the figures of a chart. Raises ProjectError for two of one name."""
    known = {metric.name: metric for metric in table.metrics}
    for metric in metrics_of(chart):
        if known.setdefault(metric.name, metric) != metric:
            raise ProjectError(
                f"{place} shows {metric.name!r} of {table.table}, another figure than elsewhere",
                hint="give each figure of a table a name of its own",
            )
    return replace(table, metrics=tuple(known.values()))


def _require_filters(dashboard: Dashboard, tables: Mapping[str, Published]) -> None:
    columns = {name for chart in dashboard.charts for name in tables[chart.table].schema}
    for column in dashboard.filters:
        if column not in columns:
            raise ProjectError(
                f"{dashboard.title!r} filters by {column!r}, which no table of its charts has",
                hint=choices("columns", column, sorted(columns)),
            )
