"""The ambulatory glucose profile as a chart: how glucose lies around the clock."""

from __future__ import annotations

from typing import Any

import altair as alt
import ibis
import ibis.expr.types as ir

from lakehouse.pages import Chart
from models.profile import MINUTES
from pages import axes

_COLOUR = "#2c5f8a"


def chart(profile: ir.Table, height: int, width: int | None = None, title: str = "") -> Chart:
    """Return the percentiles of rows as `mrt_glucose_agp` has them.

    Where quarters of an hour have no readings, the profile has a gap.
    """
    order = ibis.window(group_by=profile.site, order_by=profile.minute_of_day)
    rows = profile.mutate(
        part=profile.minute_of_day // MINUTES - ibis.row_number().over(order),
        minute=profile.minute_of_day + MINUTES / 2,
    )
    base = alt.Chart().encode(x=axes.time_of_day(), detail="part:N")
    outer = base.mark_area(color=_COLOUR, opacity=0.2, **_line(0.5)).encode(
        y=axes.glucose("p05"), y2="p95:Q"
    )
    inner = base.mark_area(color=_COLOUR, opacity=0.4, **_line(0.5)).encode(
        y=axes.glucose("p25"), y2="p75:Q"
    )
    median = base.mark_line(color="currentColor", strokeWidth=2, strokeCap="round").encode(
        y=axes.glucose("p50")
    )
    return Chart(
        axes.sized(alt.layer(*axes.limits(), outer, inner, median), height, width),
        rows.order_by("site", "minute_of_day"),
        title,
        "By time of day: the median of glucose as a line, half of all readings in the dark band,"
        " and nine of ten in the light one.",
    )


def _line(width: float) -> dict[str, Any]:
    """Return a border by which a single quarter of an hour is seen, too."""
    return {"stroke": _COLOUR, "strokeWidth": width, "strokeCap": "round"}
