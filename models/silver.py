"""Readings of one sensor per person, with local time, range and rate of change."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse import Incremental, model
from lakehouse.expressions import iso_day_of_week, microseconds, with_local
from models import metrics
from models.uploaders import redundant

_MINUTE = 60_000_000
SHORTEST = 3
"""Minutes between two readings, at least, for which a rate is given."""
GAP = 15
"""Minutes between two readings, at most, for which a change and a rate are given."""
LONGEST = 24 * 60
"""Minutes without a reading after which the next one counts as the first."""


# The reading before may be a day old. Whether it was redundant depends on its whole UTC day and,
# near midnight, on the days beside.
@model(
    kind=Incremental(
        time_column="reading_timestamp", grain="day", lookback="2d", lookahead="1d", key="site"
    ),
    group="glucose",
)
def fct_glucose_readings(stg_glucose_entries: ir.Table) -> ir.Table:
    """One row per reading, with its local time, range and rate of change.

    A person's trace is counted once, however many phones upload it. `minutes_since_last_reading`
    is elapsed time, null if more than a day; change and rate are null after more than 15 minutes,
    and the rate after less than three.
    """
    readings = with_local(
        stg_glucose_entries, "local_timestamp", instant="reading_timestamp", zone="timezone"
    )
    readings = readings.anti_join(redundant(stg_glucose_entries), ["site", "entry_id"])
    before = ibis.window(group_by="site", order_by="reading_timestamp")
    readings = readings.mutate(  # portable: ok a site has one reading at a moment
        previous_at=readings.reading_timestamp.lag().over(before),
        previous=readings.glucose_mg_dl.lag().over(before),
    )
    elapsed = microseconds(readings.reading_timestamp) - microseconds(readings.previous_at)
    minutes = elapsed / _MINUTE
    change = readings.glucose_mg_dl - readings.previous
    readings = readings.mutate(minutes=_null_above(LONGEST, minutes, minutes), change=change)
    change = _null_above(GAP, readings.minutes, readings.change.cast("int32"))
    local, glucose = readings.local_timestamp, readings.glucose_mg_dl
    return readings.select(
        "site",
        "entry_id",
        "reading_timestamp",
        "timezone",
        "local_timestamp",
        reading_date=local.date(),
        hour_of_day=local.hour().cast("int32"),
        day_of_week=iso_day_of_week(local),
        day_name=local.day_of_week.full_name(),
        glucose_mg_dl=glucose,
        direction=readings.direction,
        device=readings.device,
        glucose_category=metrics.category(glucose),
        range_band=metrics.band(glucose),
        is_in_range=metrics.in_range(glucose),
        glucose_change_mg_dl=change,
        minutes_since_last_reading=readings.minutes,
        rate_mg_dl_per_minute=ibis.ifelse(
            readings.minutes >= SHORTEST, change / readings.minutes, None
        ),
    )


def _null_above(
    limit: int, minutes: ir.FloatingColumn, value: ir.NumericColumn
) -> ir.NumericColumn:
    return ibis.ifelse(minutes <= limit, value, None)
