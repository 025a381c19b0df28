"""Strips: the trace of each day in a small picture of its own, a week in a row."""

from __future__ import annotations

from typing import Any

import altair as alt
import ibis
import ibis.expr.types as ir

from lakehouse.expressions import add_days
from lakehouse.pages import Chart
from models.cadence import GAP
from models.metrics import HIGH, LOW
from pages import axes
from pages.ranges import COLOURS

_WEEK = 7
_DAY = 0.96
"""Part of a day's place that its strip is wide; the rest is between two days."""
_LABEL, _FONT = 10, 7
"""Pixels above a strip for its date and status, and of their letters."""
_STATUS = {"CRITICAL": "#c4261d", "ALERT": "#b86a00"}
"""Colours of days that need attention."""
_NEEDS_ATTENTION = " || ".join(f"datum.status === '{name}'" for name in _STATUS)
_COLUMNS = {
    "site": "string",
    "day": "int64",
    "label": "string",
    "status": "string",
    "share": "string",
    "minute": "int64",
    "lowest": "int64",
    "highest": "int64",
    "part": "int64",
}


def chart(
    readings: ir.Table,
    overview: ir.Table,
    starts: ir.Table,
    days: int,
    height: int,
    width: int,
    *,
    title: str = "",
) -> Chart:
    """Return strips of so many days from the date `first` of each site in `starts` on.

    Each has the lowest and the highest reading of every few minutes, so that no reading is hidden.
    """
    step = 5 if days <= 2 * _WEEK else 15  # as fine as can be seen
    traces, dates = _traces(readings, starts, days, step), _dates(overview, starts, days)
    return Chart(
        _strips(days, step, height).properties(width=width, height=height * -(-days // _WEEK)),
        ibis.union(traces, dates).order_by("site", "day", "minute"),
        title,
        "The glucose of each day from midnight to midnight, a week in a row: low readings in red,"
        " high ones in orange, the share in range, and the status of days that need attention.",
    )


def _traces(readings: ir.Table, starts: ir.Table, days: int, step: int) -> ir.Table:
    """Return the lowest and the highest reading by day and minute; a gap begins another part."""
    order = ibis.window(group_by="site", order_by="reading_timestamp", rows=(None, 0))
    is_first = (readings.minutes_since_last_reading > GAP).fill_null(True)
    begins = ibis.ifelse(is_first, 1, 0).cast("int64")
    rows = readings.mutate(
        part=begins.sum().over(order),
        minute=(readings.hour_of_day * 60 + readings.local_timestamp.minute()) // step * step,
    )
    rows = rows.join(starts, "site")
    rows = rows.mutate(day=rows.reading_date.delta(rows["first"], unit="day").cast("int64"))
    rows = rows.filter(rows.day >= 0, rows.day < days)
    rows = rows.group_by("site", "day", "minute").agg(
        lowest=rows.glucose_mg_dl.min(), highest=rows.glucose_mg_dl.max(), part=rows.part.min()
    )
    return _with_all_columns(rows)


def _dates(overview: ir.Table, starts: ir.Table, days: int) -> ir.Table:
    """Return a row per day, also for days without readings."""
    rows = starts.mutate(day=ibis.range(days).unnest().cast("int64"))
    rows = rows.mutate(date=add_days(rows["first"], rows.day))
    own = overview.select("site", "reading_date", "day_status", "percent_in_range")
    both = rows.left_join(own, [rows.site == own.site, rows.date == own.reading_date])
    tenths = (both.percent_in_range * 10).round().cast("int64")
    share = (tenths // 10).cast("string") + "." + (tenths % 10).cast("string") + " %"
    name = both.date.day_of_week.full_name().substr(0, 3)
    month = both.date.strftime("%B").substr(0, 3)
    return _with_all_columns(
        both.mutate(
            label=name + " " + both.date.day().cast("string") + " " + month,
            status=both.day_status.fill_null(""),
            share=share.fill_null("no readings"),
        )
    )


def _with_all_columns(rows: ir.Table) -> ir.Table:
    return rows.select(
        **{
            name: (rows[name] if name in rows.columns else ibis.null()).cast(kind)
            for name, kind in _COLUMNS.items()
        }
    )


def _strips(days: int, step: int, height: int) -> Any:
    """Return the chart; a day is 1 wide and a week 1 high, and weeks go down."""
    plot = (height - _LABEL) / height * 0.97
    low, top = axes.LOWEST, "datum.top"

    def y(value: str) -> str:
        inside = f"clamp({value}, {low}, {top})"
        return f"datum.week + {plot} * ({inside} - {low}) / ({top} - {low})"

    columns = {
        "top": f"max({axes.HIGHEST}, datum.peak)",
        "week": f"-1 - floor(datum.day / {_WEEK})",
        "left": f"datum.day % {_WEEK}",
        "right": f"datum.left + {_DAY}",
        "middle": f"datum.left + {_DAY * 0.57}",
        "x": f"datum.left + datum.minute / {axes.MINUTES} * {_DAY}",
        "x2": f"datum.x + {step / axes.MINUTES * _DAY}",
        "y": y("datum.lowest"),
        "y2": y("datum.highest"),
        "low": y(str(LOW)),
        "high": y(str(HIGH)),
        "bottom": y(str(low)),
        "above": y(top),
    }
    weeks = -(-days // _WEEK)
    chart = alt.layer(*_frames(weeks), *_traced(weeks), *_labels(weeks))
    chart = chart.transform_joinaggregate(peak="max(highest)")
    for name, expression in columns.items():
        chart = chart.transform_calculate(**{name: expression})
    return chart


def _frames(weeks: int) -> list[alt.Chart]:
    """Return a box for each day, with the target range in it; a status colours it."""
    day = alt.Chart().transform_filter("isValid(datum.label)")
    box = day.mark_rect(fill=None).encode(
        x=_x("left"),
        x2="right:Q",
        y=_y("bottom", weeks),
        y2="above:Q",
        stroke=_by_status("#c3c9d0"),
        strokeWidth=alt.condition(_NEEDS_ATTENTION, alt.value(1.6), alt.value(0.5)),
    )
    target = day.mark_rect(color=COLOURS["in range"], opacity=0.18).encode(
        x=_x("left"), x2="right:Q", y=_y("low", weeks), y2="high:Q"
    )
    return [box, target]


def _traced(weeks: int) -> list[alt.Chart]:
    """Return the trace of each day, in colour above the range, and where it is below it."""
    trace = alt.Chart().transform_filter("isValid(datum.minute)")
    beyond = [
        trace.transform_filter(f"datum.{column} {sign} {limit}")
        .mark_rect(color=COLOURS[name])
        .encode(x=_x("x"), x2="x2:Q", y=_y(start, weeks), y2=f"{end}:Q")
        for column, sign, limit, name, start, end in (
            ("highest", ">", HIGH, "very high", "high", "y2"),
            ("lowest", "<", LOW, "low", "bottom", "low"),
        )
    ]
    line = trace.mark_area(
        color="currentColor",
        stroke="currentColor",
        strokeWidth=0.8,
        strokeCap="round",
        strokeJoin="round",
    ).encode(x=_x("x"), y=_y("y", weeks), y2="y2:Q", detail=["day:N", "part:N"])
    return [*beyond, line]


def _labels(weeks: int) -> list[alt.Chart]:
    """Return the date, the share in range, and the status of days that need attention."""
    day = alt.Chart().transform_filter("isValid(datum.label)")
    above: dict[str, Any] = {"baseline": "bottom", "dy": -1, "fontSize": _FONT}
    date, share, status = (
        day.mark_text(align="left", **above).encode(x=_x("left"), text="label:N"),
        day.mark_text(align="right", **above).encode(x=_x("right"), text="share:N"),
        day.transform_filter(_NEEDS_ATTENTION)
        .mark_text(align="center", fontWeight="bold", **above)
        .encode(x=_x("middle"), text="status:N", color=_by_status("currentColor")),
    )
    return [each.encode(y=_y("above", weeks)) for each in (date, share, status)]


def _by_status(otherwise: str) -> dict[str, Any]:
    """Return the colour of a day by its status."""
    conditions = [
        {"test": f"datum.status === '{name}'", "value": colour} for name, colour in _STATUS.items()
    ]
    return {"condition": conditions, "value": otherwise}


def _x(name: str) -> alt.X:
    return alt.X(f"{name}:Q", axis=None, scale=alt.Scale(domain=[0, _WEEK], nice=False))


def _y(name: str, weeks: int) -> alt.Y:
    return alt.Y(f"{name}:Q", axis=None, scale=alt.Scale(domain=[-weeks, 0], nice=False))
