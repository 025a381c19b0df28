"""Axes that several charts share: glucose in both units, and the hours of a day."""

from __future__ import annotations

from typing import Any

import altair as alt

from models.metrics import HIGH, LOW, VERY_HIGH, VERY_LOW
from pages.units import OTHER, OTHER_UNIT, SHOWN

LIMITS = (VERY_LOW, LOW, HIGH, VERY_HIGH)
"""mg/dL; marked on axes of glucose."""
LOWEST, HIGHEST = 40, 300
"""mg/dL that an axis has in any case; it is longer where values are beyond."""
MINUTES = 24 * 60
_TARGET = "#4d9e52"


def glucose(column: str) -> alt.Y:
    """Return the axis of a column in mg/dL, labelled in the unit that is shown."""
    axis = alt.Axis(
        values=[*LIMITS, HIGHEST],
        labelExpr=f"{SHOWN} + (datum.value === {HIGHEST} ? ' ' + units : '')",
        title=None,
        grid=False,
        domain=False,
        ticks=False,
    )
    scale = alt.Scale(zero=False, nice=False, domainMin=LOWEST)
    return alt.Y(f"{column}:Q", axis=axis, scale=scale)


def limits() -> list[alt.Chart]:
    """Return layers that mark the limits and the range between them, and label the other unit."""
    marks = [{"value": value} for value in (*LIMITS, HIGHEST)]
    own: Any = alt.InlineData(values=marks)
    y = glucose("value")
    band = (
        alt.Chart(alt.InlineData(values=[{"low": LOW, "high": HIGH}]))
        .mark_rect(color=_TARGET, opacity=0.12)
        .encode(y=glucose("low"), y2="high:Q")
    )
    rules = (
        alt.Chart(own)
        .transform_filter(f"datum.value < {HIGHEST}")
        .mark_rule(strokeWidth=0.6)
        .encode(
            y=y,
            color=alt.condition(
                f"datum.value === {LOW} || datum.value === {HIGH}",
                alt.value(_TARGET),
                alt.value("#9aa3ad"),
            ),
        )
    )
    labels = (
        alt.Chart(own)
        .transform_calculate(
            label=f"{OTHER} + (datum.value === {HIGHEST} ? ' ' + {OTHER_UNIT} : '')"
        )
        .mark_text(align="left", dx=4, fontSize=9, opacity=0.75)
        .encode(y=y, x=alt.value("width"), text="label:N")
    )
    return [band, rules, labels]


def time_of_day(column: str = "minute") -> alt.X:
    """Return the axis of minutes after local midnight, in hours."""
    axis = alt.Axis(
        values=list(range(0, MINUTES + 1, 180)),
        labelExpr="pad(floor(datum.value / 60), 2, '0', 'left') + ':00'",
        title=None,
        grid=False,
    )
    return alt.X(f"{column}:Q", axis=axis, scale=alt.Scale(domain=[0, MINUTES], nice=False))


def sized(chart: Any, height: int, width: int | None = None) -> Any:
    """Return a chart of a height in pixels, as wide as its place if no width is given."""
    return chart.properties(height=height, **({} if width is None else {"width": width}))
