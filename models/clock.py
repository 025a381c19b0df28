"""Days and nights of a person's wall clock, which may have an hour more or less."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import LOCAL, microseconds, to_instant

DAY = 24
NIGHT = 6
"""The hour at which the night ends; it starts at midnight."""


def minutes_until(hour: int, day: ir.DateColumn, zone: ir.StringColumn) -> ir.FloatingColumn:
    """Minutes that pass from local midnight until the clock shows `hour`."""
    midnight = day.cast(LOCAL)
    start, end = (
        microseconds(to_instant(local, zone))
        for local in (midnight, midnight + ibis.interval(hours=hour))
    )
    return (end - start) / 60_000_000


def newest_days(readings: ir.Table, days: int) -> ir.Table:
    """The readings of each site's newest local days, the day of its newest reading being one."""
    aged = with_age(readings)
    return aged.filter(aged.age < days)


def with_age(readings: ir.Table) -> ir.Table:
    """Adds `age`: how many days before the day of the site's newest reading."""
    newest = readings.group_by("site").agg(newest=readings.reading_date.max())
    dated = readings.join(newest, "site")
    return dated.mutate(age=dated.newest.delta(dated.reading_date, unit="day").cast("int64"))
