"""The calendar, and readings by the hour."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse import Incremental, model
from lakehouse.expressions import add_days, iso_day_of_week
from models import metrics

_WEEK = 7
_SATURDAY = 6


@model(kind=Incremental(key="site"), group="glucose")
def dim_date(fct_glucose_readings: ir.Table) -> ir.Table:
    """Every date from a site's first reading to its last, also those without readings."""
    sites = fct_glucose_readings.group_by("site").agg(
        first=fct_glucose_readings.reading_date.min(),
        last=fct_glucose_readings.reading_date.max(),
    )
    # Weeks, then days of them: engines bound how long one sequence may be.
    weeks = sites["last"].delta(sites["first"], unit="day") // _WEEK + 1
    dates = sites.mutate(week=ibis.range(weeks.cast("int64")).unnest())
    dates = dates.mutate(day=ibis.range(_WEEK).unnest().cast("int64"))
    dates = dates.mutate(date=add_days(dates["first"], dates.week * _WEEK + dates.day))
    dates = dates.filter(dates.date <= dates["last"])
    day = dates.date
    weekday = iso_day_of_week(day)
    return dates.select(
        "site",
        date=day,
        year=day.year().cast("int32"),
        quarter=day.quarter().cast("int32"),
        month=day.month().cast("int32"),
        month_name=day.strftime("%B"),
        iso_year=day.iso_year().cast("int32"),
        iso_week=day.week_of_year().cast("int32"),
        day_of_month=day.day().cast("int32"),
        day_of_week=weekday,
        day_name=day.day_of_week.full_name(),
        is_weekend=weekday >= _SATURDAY,
    )


# A local day lies between 14 hours before and 12 hours after the UTC day of its date.
@model(
    kind=Incremental(
        time_column="reading_date", grain="day", lookback="14h", lookahead="12h", key="site"
    ),
    group="glucose",
)
def mrt_glucose_readings(fct_glucose_readings: ir.Table) -> ir.Table:
    """Readings by local date and hour."""
    readings = fct_glucose_readings
    kind = readings.glucose_category
    hours = readings.group_by("site", "reading_date", "hour_of_day").agg(
        **metrics.sums(readings.glucose_mg_dl),
        min_glucose=readings.glucose_mg_dl.min(),
        max_glucose=readings.glucose_mg_dl.max(),
        **{f"{name}_count": (kind == name).sum().cast("int64") for name in metrics.CATEGORIES},
    )
    return hours.select(
        "site",
        "reading_date",
        "hour_of_day",
        reading_count=hours.readings,
        avg_glucose=metrics.mean(hours),
        min_glucose=hours.min_glucose,
        max_glucose=hours.max_glucose,
        **metrics.percentages(hours, ["in_range"]),
        **{f"{name}_count": hours[f"{name}_count"] for name in metrics.CATEGORIES},
    )
