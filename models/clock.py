"""Days and nights of a person's wall clock, which may have an hour more or less."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import LOCAL, microseconds, with_instants

DAY = 24
NIGHT = 6
"""The hour at which the night ends; it starts at midnight."""


def with_minutes(days: ir.Table, until: int) -> ir.Table:
    """Adds the `minutes` that pass on a `reading_date` until the clock shows the hour `until`."""
    midnight = days.reading_date.cast(LOCAL)
    timed = days.mutate(midnight=midnight, until=midnight + ibis.interval(hours=until))
    timed = with_instants(timed, zone="timezone", start="midnight", end="until")
    minutes = (microseconds(timed.end) - microseconds(timed.start)) / 60_000_000
    return timed.select(*days.columns, minutes=minutes)


def newest_days(readings: ir.Table, calendar: ir.Table, days: int) -> ir.Table:
    """The readings of each site's newest local days, the day of its newest reading being one.

    `calendar` has every `date` of a site. Days are joined by equality, so that an engine can tell
    from them which files hold none of these readings.
    """
    dates = calendar.select("site", reading_date=calendar["date"])
    aged = with_age(dates)
    newest = aged.filter(aged.age < days).select("site", "reading_date")
    return readings.semi_join(newest, ["site", "reading_date"])


def with_age(dated: ir.Table) -> ir.Table:
    """Adds the site's `newest` date, and `age`: how many days a row is before it."""
    by_site = ibis.window(group_by="site")
    dated = dated.mutate(newest=dated.reading_date.max().over(by_site))
    return dated.mutate(age=dated.newest.delta(dated.reading_date, unit="day").cast("int64"))
