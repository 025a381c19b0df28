"""The Glucose dashboard of Superset.

Figures of several days are sums by sums: days have different numbers of readings. "Today" is the
day of a person's newest reading, so that a recording shows figures, too.
"""

from __future__ import annotations

from lakehouse.superset import Bars, BigNumber, Dashboard, HeatMap, Limit, Lines, Metric, Rows

_VERY_LOW, _LOW, _IN_RANGE, _HIGH, _VERY_HIGH = (
    "#8b1a1a",
    "#d9534f",
    "#4c9f50",
    "#e8b93c",
    "#e07b1f",
)
"""Colors of the ranges of the consensus, from below 54 to above 250 mg/dL."""
_LIMITS = (
    Limit("very low", 54, _VERY_LOW),
    Limit("low", 70, _LOW),
    Limit("high", 180, _HIGH),
    Limit("very high", 250, _VERY_HIGH),
)
_IS_TODAY = "period = 'last_day'"


def _share(part: str, whole: str) -> str:
    """Return the SQL of a share, in percent."""
    return f"100.0 * SUM({part}) / NULLIF(SUM({whole}), 0)"


def _mean(value: str, count: str) -> str:
    """Return the SQL of a mean of means, each of which is of so many readings."""
    return f"SUM({value} * {count}) / NULLIF(SUM({count}), 0)"


def _of_last(days: int, total: str, count: str) -> str:
    """Return the SQL of a mean over each day and the days before it."""
    span = (
        "OVER (ORDER BY MIN(reading_date)"
        f" RANGE BETWEEN INTERVAL '{days - 1} days' PRECEDING AND CURRENT ROW)"
    )
    return f"SUM(SUM({total})) {span} / NULLIF(SUM(SUM({count})) {span}, 0)"


_TIME_IN_RANGE = Metric(
    "Time in range (%)", _share("readings_in_range", "total_readings"), ".1f", _IN_RANGE
)
_RANGES = [
    Metric("Below 54 (%)", _share("readings_below_54", "total_readings"), ".1f", _VERY_LOW),
    Metric(
        "54 to 69 (%)",
        _share("readings_below_70 - readings_below_54", "total_readings"),
        ".1f",
        _LOW,
    ),
    Metric("70 to 180 (%)", _share("readings_in_range", "total_readings"), ".1f", _IN_RANGE),
    Metric(
        "181 to 250 (%)",
        _share("readings_above_180 - readings_above_250", "total_readings"),
        ".1f",
        _HIGH,
    ),
    Metric("Above 250 (%)", _share("readings_above_250", "total_readings"), ".1f", _VERY_HIGH),
]

_today = [
    BigNumber(
        "Newest value",
        "mrt_glucose_overview",
        Metric(
            "Newest value (mg/dL)",
            "(ARRAY_AGG(last_glucose_mg_dl ORDER BY last_reading_at DESC))[1]",
        ),
        "mg/dL",
    ),
    BigNumber(
        "Time in range today",
        "mrt_glucose_periods",
        Metric(_TIME_IN_RANGE.name, _share("readings_in_range", "reading_count"), ".1f", _IN_RANGE),
        "% from 70 to 180 mg/dL",
        description="Readings in range; more than 70 % is the aim of the consensus.",
        where=_IS_TODAY,
    ),
    BigNumber(
        "Average today",
        "mrt_glucose_periods",
        Metric("Average (mg/dL)", _mean("avg_glucose", "reading_count"), ".0f"),
        "mg/dL",
        where=_IS_TODAY,
    ),
    BigNumber(
        "Lows today",
        "mrt_glucose_periods",
        Metric("Episodes below 70", "SUM(hypo_episodes_level1)"),
        "episodes below 70 mg/dL",
        where=_IS_TODAY,
    ),
]
_daily = Lines(
    "Daily average and range",
    "mrt_glucose_overview",
    "reading_date",
    [
        Metric("Average", _mean("avg_glucose_mg_dl", "total_readings"), ".0f", "#1f6fb2"),
        Metric("Lowest", "MIN(min_glucose_mg_dl)", ".0f", "#9db8cf"),
        Metric("Highest", "MAX(max_glucose_mg_dl)", ".0f", "#9db8cf"),
    ],
    _LIMITS,
    description="mg/dL, with the limits of the ranges of the consensus.",
)
_trend = Lines(
    "7- and 30-day trend",
    "mrt_glucose_overview",
    "reading_date",
    [
        Metric(
            f"Average of {days} days",
            _of_last(days, "avg_glucose_mg_dl * total_readings", "total_readings"),
            ".0f",
            color,
        )
        for days, color in ((7, "#7aa6d1"), (30, "#1f4e79"))
    ],
    description="mg/dL, over all readings of each day and the days before it.",
)
_shares = Bars(
    "Time in ranges",
    "mrt_glucose_overview",
    "reading_date",
    _RANGES,
    "week",
    stacked=True,
    top=100,
    description="Readings in the ranges of the consensus, mg/dL, by week.",
)
_week = HeatMap(
    "Hours of the week",
    "mrt_glucose_hourly_patterns",
    "hour_of_day",
    "day_of_week || ' ' || day_name",
    Metric("Average (mg/dL)", _mean("avg_glucose", "reading_count"), ".0f"),
    description="Average of each hour over the 30 newest days, mg/dL.",
)
_episodes = Bars(
    "Episodes",
    "mrt_glucose_episodes",
    "local_date",
    [
        Metric(name, f"COUNT(*) FILTER (WHERE kind = '{kind}' AND level = {level})", ",d", color)
        for name, kind, level, color in (
            ("Below 54", "hypo", 2, _VERY_LOW),
            ("Below 70", "hypo", 1, _LOW),
            ("Above 180", "hyper", 1, _HIGH),
            ("Above 250", "hyper", 2, _VERY_HIGH),
        )
    ],
    "week",
    description="Episodes of 15 minutes or more that start in a week; below 70 includes below 54.",
)
_nights = Rows(
    "Nights",
    "mrt_glucose_overnight",
    {
        "reading_date": "",
        "avg_glucose": ".0f",
        "min_glucose": "",
        "percent_in_range": ".1f",
        "minutes_below_70": ".0f",
        "hypo_episodes": "",
        "is_stable": "",
    },
    30,
    description="From midnight to six, mg/dL.",
)
_statuses = Bars(
    "Days by status",
    "mrt_glucose_overview",
    "reading_date",
    [
        Metric(name, f"COUNT(*) FILTER (WHERE day_status = '{name}')", ",d", color)
        for name, color in (("OK", _IN_RANGE), ("ALERT", _HIGH), ("CRITICAL", _LOW))
    ],
    "month",
    stacked=True,
)
_days = Rows(
    "Day status",
    "mrt_glucose_overview",
    {
        "reading_date": "",
        "day_status": "",
        "status_reasons": "",
        "total_readings": "",
        "coverage_percent": ".1f",
    },
    30,
)

glucose = Dashboard(
    "Glucose",
    [_today, [_daily], [_trend, _shares], [_week, _episodes], [_nights, _statuses], [_days]],
    {"site": "Person"},
)
