"""Charts over many days and over the hours of a week."""

from __future__ import annotations

import altair as alt
import ibis.expr.types as ir

from lakehouse.pages import Chart
from models.metrics import HIGH, LOW, TIGHT, VERY_HIGH, VERY_LOW
from models.units import MG_DL_PER_MMOL_L, MMOL_L
from pages import axes
from pages.ranges import COLOURS
from pages.units import SHOWN

_COLOUR = "#3b78ad"
_SHARES = {
    "very low": "datum.percent_below_54",
    "low": "datum.percent_below_70 - datum.percent_below_54",
    "in range": "datum.percent_in_range",
    "high": "datum.percent_above_180 - datum.percent_above_250",
    "very high": "datum.percent_above_250",
}
_STEPS = [VERY_LOW, LOW, 110, TIGHT, HIGH, VERY_HIGH]
"""mg/dL at which a map changes its colour; between the limits, greens grow darker."""
_STEP_COLOURS = ["#8c1515", "#d63a2f", "#b7dcb4", "#78b97a", "#3f8a47", "#f2c037", "#e07b00"]
_DAY_NAMES = "['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][datum.value - 1]"


def daily(overview: ir.Table, within_period: str) -> Chart:
    """Return the mean of each day in its span from lowest to highest.

    `within_period` is an expression of Vega that says whether a day is shown.
    """
    day = alt.X(
        "reading_date:T", title=None, axis=alt.Axis(grid=False, format="%d %b", labelOverlap=True)
    )
    base = alt.Chart().transform_filter(within_period).encode(x=day)
    span = base.mark_rule(color=_COLOUR, opacity=0.35, strokeWidth=3, strokeCap="round").encode(
        y=axes.glucose("min_glucose_mg_dl"), y2="max_glucose_mg_dl:Q"
    )
    mean = base.mark_point(color=_COLOUR, filled=True, opacity=1, size=28).encode(
        y=axes.glucose("avg_glucose_mg_dl"),
        tooltip=[
            alt.Tooltip("reading_date:T", title="day", format="%a %d %b %Y"),
            *_tooltips(
                mean="avg_glucose_mg_dl", lowest="min_glucose_mg_dl", highest="max_glucose_mg_dl"
            ),
        ],
    )
    mean = mean.transform_calculate(
        **_in_unit("avg_glucose_mg_dl", "min_glucose_mg_dl", "max_glucose_mg_dl")
    )
    columns = (
        "site",
        "reading_date",
        "age",
        "avg_glucose_mg_dl",
        "min_glucose_mg_dl",
        "max_glucose_mg_dl",
    )
    return Chart(
        axes.sized(alt.layer(*axes.limits(), span, mean), 220),
        overview.select(*columns).order_by("site", "reading_date"),
        "Mean of each day, from its lowest to its highest reading",
        "A point for the mean of each day, on a line from its lowest to its highest reading.",
    )


def shares(overview: ir.Table, within_period: str) -> Chart:
    """Return a bar of the five ranges for each day, the lowest range at the bottom."""
    names = list(COLOURS)
    chart = (
        alt.Chart()
        .transform_filter(within_period)
        .transform_calculate(**_SHARES)
        .transform_fold(list(_SHARES), as_=["range", "share"])
        .transform_calculate(place=f"indexof({list(_SHARES)}, datum.range)")
        .mark_bar()
        .encode(
            x=alt.X(
                "reading_date:T",
                title=None,
                timeUnit="yearmonthdate",
                axis=alt.Axis(grid=False, format="%d %b", labelOverlap=True),
            ),
            y=alt.Y("share:Q", title="% of readings", scale=alt.Scale(domain=[0, 100], nice=False)),
            color=alt.Color(
                "range:N",
                scale=alt.Scale(domain=names, range=list(COLOURS.values())),
                legend=alt.Legend(orient="top", title=None),
            ),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("reading_date:T", title="day", format="%a %d %b %Y"),
                alt.Tooltip("range:N"),
                alt.Tooltip("share:Q", format=".1f", title="% of readings"),
            ],
        )
    )
    columns = (
        "site",
        "reading_date",
        "age",
        *(
            f"percent_{name}"
            for name in ("in_range", "below_54", "below_70", "above_180", "above_250")
        ),
    )
    return Chart(
        axes.sized(chart, 180),
        overview.select(*columns).order_by("site", "reading_date"),
        "Time in ranges of each day",
        "A bar for each day: the shares of readings in the five ranges, the lowest at the bottom.",
    )


def hours_of_week(patterns: ir.Table) -> Chart:
    """Return the mean glucose of each hour of the week as a map."""
    colours = alt.Scale(type="threshold", domain=_STEPS, range=_STEP_COLOURS)
    legend = alt.Legend(
        title=None,
        orient="top",
        gradientLength=260,
        labelExpr=f"isFinite(datum.value) ? {SHOWN} + (datum.value === {_STEPS[-1]} ? ' ' + units"
        " : '') : ''",
    )
    chart = (
        alt.Chart()
        .transform_calculate(**_in_unit("avg_glucose"))
        .mark_rect()
        .encode(
            x=alt.X("hour_of_day:O", title="hour", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("day_of_week:O", title=None, axis=alt.Axis(labelExpr=_DAY_NAMES)),
            color=alt.Color("avg_glucose:Q", scale=colours, legend=legend),
            tooltip=[
                alt.Tooltip("day_name:N", title="day"),
                alt.Tooltip("hour_of_day:O", title="hour"),
                *_tooltips(mean="avg_glucose"),
                alt.Tooltip("percent_in_range:Q", title="% in range", format=".1f"),
                alt.Tooltip("days_observed:Q", title="days"),
            ],
        )
    )
    return Chart(
        axes.sized(chart, 190),
        patterns.select(
            "site",
            "hour_of_day",
            "day_of_week",
            "day_name",
            "avg_glucose",
            "percent_in_range",
            "days_observed",
        ).order_by("site", "day_of_week", "hour_of_day"),
        "Mean glucose by hour and day of the week, newest 30 days",
        "A square for each hour of the week, coloured by its mean: red is low, green in range.",
    )


def _in_unit(*columns: str) -> dict[str, str]:
    """Return texts of columns in the unit that is shown, for tooltips."""
    is_mmol = f"units === '{MMOL_L}'"
    return {
        f"{column}_shown": f"{is_mmol} ? format(datum.{column} / {MG_DL_PER_MMOL_L}, '.1f')"
        f" : format(datum.{column}, '.0f')"
        for column in columns
    }


def _tooltips(**columns: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}_shown:N", title=title) for title, column in columns.items()]
