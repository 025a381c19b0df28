"""The report for the clinic: one A4 side about one person's glucose."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from lakehouse.pages import Block, Columns, Days, Figures, Notices, Text, read_once, report
from models import profile
from pages import profiles, ranges, strips, summaries
from pages.units import UNITS

_WIDTH, _PROFILE, _STRIPS = 660, 200, 415
"""Pixels: the width of charts without the labels of axes, and heights that fit on one side."""
_TALLEST = 160
"""Pixels of a strip, at most."""
_MOST = 13 * 7
"""Days with strips, at most: more would be too small to read."""


@report(
    title="Glucose report",
    key="site",
    days=Days("mrt_glucose_overview.reading_date", newest=14),
    choices=[UNITS],
)
def glucose_report(
    fct_glucose_readings: ir.Table,
    mrt_glucose_overview: ir.Table,
    mrt_glucose_episodes: ir.Table,
    sites: ir.Table,
    first: date,
    last: date,
) -> list[Block]:
    """Summary, time in ranges, profile and daily strips of a span of days."""
    days = (last - first + timedelta(days=1)).days
    readings = summaries.within(fct_glucose_readings, "reading_date", first, last)
    overview = summaries.within(mrt_glucose_overview, "reading_date", first, last)
    episodes = summaries.within(mrt_glucose_episodes, "local_date", first, last)
    summary = summaries.of_days(readings, episodes, sites).mutate(days=ibis.literal(days))
    period = overview.mutate(period=ibis.literal("all"))
    summary = read_once(summaries.with_days(summary, period))
    shown = min(days, _MOST)
    from_day = last - timedelta(days=shown - 1)
    starts = overview.select("site", first=ibis.literal(from_day)).distinct()
    height = min(_TALLEST, _STRIPS // -(-shown // 7))
    return [
        Notices(summary, "notice"),
        Columns(
            [
                ranges.bar(summary, upright=True),
                ranges.table(summary, "Time in ranges"),
                Figures(summary, summaries.figures()),
            ]
        ),
        Text("Ambulatory glucose profile: all days by time of day", level=2),
        profiles.chart(profile.of(readings), _PROFILE, _WIDTH),
        Text(
            "Line: the median. Dark: half of the readings (25 to 75 %). Light: 9 of 10 (5 to 95 %)."
        ),
        Text("Each day" if shown == days else f"Each of the newest {shown} days", level=2),
        strips.chart(readings, overview, starts, shown, height, _WIDTH + 50),
        Text(f"Above a day: its share in range. {summaries.STATUS_IN_WORDS}"),
        Text("Made from a sensor's readings. Decide nothing about treatment by this page alone."),
    ]
