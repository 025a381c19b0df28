"""Charts as Superset keeps them: the parameters that its pages read, and the query of its API.

Superset's pages make their own query of the parameters. Its API, reports and caches take the query
context, which is empty for a chart that nobody has saved in a browser: so both are written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lakehouse.superset.declarations import Bars, BigNumber, Chart, HeatMap, Limit, Lines, Rows

Document = dict[str, Any]
GRAINS = {"day": "P1D", "week": "P1W", "month": "P1M"}
"""Superset's names of spans of time."""
_MOST_ROWS = 10_000
_NO_FILTER = "No filter"


@dataclass(frozen=True)
class Drawn:
    """One kind of chart: Superset's name of it, its parameters, and its query."""

    viz_type: str
    params: Document
    query: Document
    height: int = field(default=50)
    """Height on a dashboard, in units of 8 pixels."""


def drawn(chart: Chart) -> Drawn:
    """Return a chart as Superset draws it."""
    return _DRAWN[type(chart)](chart)


def params(chart: Chart) -> Document:
    """Return the parameters of a chart, without the table, which the import adds."""
    made = drawn(chart)
    conditions = [
        {"clause": "WHERE", "expressionType": "SQL", "sqlExpression": chart.where}
        for _ in range(bool(chart.where))
    ]
    common = {"adhoc_filters": conditions, "time_range": _NO_FILTER, "viz_type": made.viz_type}
    return {**made.params, **common}


def query_context(chart: Chart) -> Document:
    """Return the query of a chart, without the table, which the import adds."""
    made = drawn(chart)
    extras = {"where": f"({chart.where})" if chart.where else "", "having": ""}
    extras |= made.query.get("extras", {})
    query = {
        "columns": [],
        "metrics": [],
        "filters": [],
        "orderby": [],
        "annotation_layers": [],
        "row_limit": _MOST_ROWS,
        "time_range": _NO_FILTER,
        **made.query,
        "extras": extras,
    }
    return {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [query],
        "form_data": params(chart),
        "result_format": "json",
        "result_type": "full",
    }


def _big_number(chart: BigNumber) -> Drawn:
    shown: Document = {
        "metric": chart.metric.name,
        "subtitle": chart.note,
        "y_axis_format": chart.metric.format,
        "header_font_size": 0.4,
        "subtitle_font_size": 0.15,
    }
    return Drawn("big_number_total", shown, {"metrics": [chart.metric.name]}, height=22)


def _lines(chart: Lines) -> Drawn:
    names = [metric.name for metric in chart.metrics]
    shown: Document = {
        **_over(chart.x, names, chart.metrics[0].format),
        "annotation_layers": [_layer(limit) for limit in chart.limits],
        "opacity": 0.2,
        "markerEnabled": False,
        # Of the figures; otherwise the axis begins at 0 and flattens them.
        "truncateYAxis": True,
        "y_axis_bounds": [None, None],
    }
    return Drawn("echarts_timeseries_line", shown, _query_over(chart.x, names))


def _bars(chart: Bars) -> Drawn:
    names, grain = [metric.name for metric in chart.metrics], GRAINS.get(chart.grain or "")
    shown: Document = {
        **_over(chart.x, names, chart.metrics[0].format),
        "orientation": "vertical",
        "stack": "Stack" if chart.stacked else None,
        "time_grain_sqla": grain,
        "truncateYAxis": chart.top is not None,
        "y_axis_bounds": [0 if chart.top else None, chart.top],
    }
    return Drawn("echarts_timeseries_bar", shown, _query_over(chart.x, names, grain))


def _heat_map(chart: HeatMap) -> Drawn:
    x, y = _column(chart.x), _column(chart.y)
    shown: Document = {
        "x_axis": x,
        "groupby": y,
        "metric": chart.metric.name,
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_desc",
        "normalize_across": "heatmap",
        "linear_color_scheme": "superset_seq_1",
        "legend_type": "continuous",
        "show_legend": True,
        "value_bounds": [None, None],
        "y_axis_format": chart.metric.format,
        "left_margin": "auto",
        "bottom_margin": "auto",
        "xscale_interval": -1,
        "yscale_interval": -1,
        "row_limit": _MOST_ROWS,
    }
    return Drawn("heatmap_v2", shown, {"columns": [x, y], "metrics": [chart.metric.name]})


def _rows(chart: Rows) -> Drawn:
    columns = [*chart.columns]
    shown: Document = {
        "query_mode": "raw",
        "all_columns": columns,
        "order_by_cols": [json.dumps([columns[0], False])],
        "column_config": {
            name: {"d3NumberFormat": form} for name, form in chart.columns.items() if form
        },
        "row_limit": chart.limit,
        "table_timestamp_format": "%Y-%m-%d",
        "show_cell_bars": False,
    }
    query = {"columns": columns, "orderby": [[columns[0], False]], "row_limit": chart.limit}
    return Drawn("table", shown, query)


_DRAWN: Mapping[type[Chart], Callable[[Any], Drawn]] = {
    BigNumber: _big_number,
    Lines: _lines,
    Bars: _bars,
    HeatMap: _heat_map,
    Rows: _rows,
}


def _over(x: str, names: list[str], number_format: str) -> Document:
    """Parameters of figures over a column."""
    return {
        "x_axis": x,
        "metrics": names,
        "groupby": [],
        "x_axis_sort_asc": True,
        "row_limit": _MOST_ROWS,
        "show_legend": True,
        "legendOrientation": "top",
        "legendType": "scroll",
        "rich_tooltip": True,
        "tooltipTimeFormat": "smart_date",
        "x_axis_time_format": "smart_date",
        "y_axis_format": number_format,
        "only_total": True,
    }


def _query_over(x: str, names: list[str], grain: str | None = None) -> Document:
    axis = {"columnType": "BASE_AXIS", "expressionType": "SQL", "label": x, "sqlExpression": x}
    pivot = {
        "operation": "pivot",
        "options": {
            "index": [x],
            "columns": [],
            "aggregates": {name: {"operator": "mean"} for name in names},
            "drop_missing_columns": False,
        },
    }
    query: Document = {
        "columns": [axis | ({"timeGrain": grain} if grain else {})],
        "metrics": names,
        "series_columns": [],
        "post_processing": [pivot, {"operation": "flatten"}],
    }
    return query | ({"extras": {"time_grain_sqla": grain}} if grain else {})


def _column(expression: str) -> str | Document:
    """Return a column by its name, and what else is an expression."""
    if expression.isidentifier():
        return expression
    return {"expressionType": "SQL", "label": expression, "sqlExpression": expression}


def _layer(limit: Limit) -> Document:
    return {
        "annotationType": "FORMULA",
        "sourceType": "",
        "name": limit.name,
        "value": f"{limit.value:g}",
        "color": limit.color,
        "style": "dashed",
        "width": 1,
        "opacity": "",
        "show": True,
        "showLabel": False,
        "showMarkers": False,
        "hideLine": False,
        "overrides": {"time_range": None},
    }
