"""Tables between readings and marts: the calendar, hours, days, values and excursions."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse import Incremental, model
from lakehouse.expressions import add_days, iso_day_of_week, microseconds, to_local
from models import cadence, episodes, metrics, periods, stays

# A local day lies between 14 hours before and 12 hours after the UTC day of its date.
_LOCAL_DAYS = Incremental(
    time_column="reading_date", grain="day", lookback="14h", lookahead="12h", key="site"
)
_WEEK = 7
_SATURDAY = 6


@model(kind=Incremental(key="site"), group="glucose")
def dim_date(mrt_glucose_readings: ir.Table) -> ir.Table:
    """Every date from a site's first reading to its last, also those without readings."""
    sites = mrt_glucose_readings.group_by("site").agg(
        first=mrt_glucose_readings.reading_date.min(),
        last=mrt_glucose_readings.reading_date.max(),
    )
    # Weeks, then days of each: engines limit the length of a sequence.
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


@model(kind=_LOCAL_DAYS, group="glucose")
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


@model(kind=_LOCAL_DAYS, group="glucose")
def int_glucose_values(fct_glucose_readings: ir.Table) -> ir.Table:
    """Count of each value on a local day, from which metrics of any period are computed."""
    values = fct_glucose_readings.group_by("site", "reading_date", "glucose_mg_dl")
    return values.agg(reading_count=fct_glucose_readings.count())


# The lookahead is that of a local day, and the 24 hours and five minutes after it.
@model(
    kind=Incremental(
        time_column="reading_date", grain="day", lookback="14h", lookahead="37h", key="site"
    ),
    group="glucose",
)
def int_glucose_days(fct_glucose_readings: ir.Table) -> ir.Table:
    """One row per local day: its span, its intervals, and differences to glucose a day later."""
    readings = fct_glucose_readings
    order = ibis.window(group_by="site", order_by="reading_timestamp")
    at = microseconds(readings.reading_timestamp)
    next_at = at.lead().over(order)  # portable: ok a site has one reading at a moment
    readings = readings.mutate(elapsed=next_at - at)
    days = readings.group_by("site", "reading_date").agg(
        first_reading=readings.reading_timestamp.min(),
        last_reading=readings.reading_timestamp.max(),
        **cadence.intervals(readings.elapsed),
        **cadence.reaches(readings.elapsed, where=ibis.literal(True)),
    )
    both = days.left_join(periods.day_to_day(readings), ["site", "reading_date"])
    return both.select(
        *days.columns, apart=both.apart.fill_null(0.0), pairs=both.pairs.fill_null(0)
    )


@model(
    kind=Incremental(
        time_column="starts_at", grain="day", lookback="8h", lookahead="8h", key="site"
    ),
    group="glucose",
)
def int_glucose_excursions(fct_glucose_readings: ir.Table, sites: ir.Table) -> ir.Table:
    """Times beyond a limit, cut at midnight UTC, of which episodes of low and high consist."""
    excursions = episodes.excursions(fct_glucose_readings)
    excursions = excursions.select(
        "site",
        "kind",
        "level",
        starts_at=episodes.instant(excursions["first"]),
        ends_at=episodes.instant(excursions.end),
        opens=excursions.opens,
        episode_ended_at=episodes.instant(excursions.over),
        lowest_mg_dl=excursions.lowest,
        highest_mg_dl=excursions.highest,
    )
    end = excursions.episode_ended_at.fill_null(excursions.ends_at)
    # Midnight belongs to the day before.
    dated = excursions.mutate(last=end - ibis.interval(seconds=1))
    dated = stays.with_zones(dated, sites, zone="starts_at", end_zone="last")
    return dated.select(
        *excursions.columns,
        local_date=to_local(dated.starts_at, dated.zone).date(),
        local_end_date=to_local(dated["last"], dated.end_zone).date(),
    )
