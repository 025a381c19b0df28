"""Days and nights by a person's wall clock, which may have an hour more or less."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import (
    LOCAL,
    add_days,
    least,
    microseconds,
    with_instants,
)
from models import stays

DAY = 24
"""Hour at which the day ends."""
NIGHT = 6
"""Hour at which the night ends; it starts at midnight."""


def with_bounds(days: ir.Table, sites: ir.Table, until: int) -> ir.Table:
    """Add `starts` and `ends` of a `reading_date`: midnight, and when the clock shows `until`.

    Both are whole microseconds since 1970. A day ends where the next one begins, which may be in
    another zone; a night ends there too, if that is before six.
    """
    midnight = days.reading_date.cast(LOCAL)
    timed = days.mutate(
        tomorrow=add_days(days.reading_date, 1),
        midnight=midnight,
        until=midnight + ibis.interval(hours=until),
    )
    timed = timed.mutate(next_midnight=timed.tomorrow.cast(LOCAL))
    timed = stays.with_zones(timed, sites, zone="reading_date", next_zone="tomorrow")
    timed = with_instants(timed, zone="zone", start="midnight", shown="until")
    timed = with_instants(timed, zone="next_zone", end="next_midnight")
    start, shown, end = (microseconds(timed[name]) for name in ("start", "shown", "end"))
    ends = end if until == DAY else least(shown, end)
    return timed.select(*days.columns, starts=start, ends=ends)


def newest_days(readings: ir.Table, calendar: ir.Table, days: int) -> ir.Table:
    """Return the readings of each site's newest local days, up to that of its newest reading.

    `calendar` has every `date` of a site. Days are joined by equality, so that an engine can skip
    files that hold none of these days.
    """
    dates = calendar.select("site", reading_date=calendar["date"])
    aged = with_age(dates)
    newest = aged.filter(aged.age < days).select("site", "reading_date")
    return readings.semi_join(newest, ["site", "reading_date"])


def with_age(dated: ir.Table) -> ir.Table:
    """Add the site's `newest` date, and `age`, the days from a row's date to it."""
    by_site = ibis.window(group_by="site")
    dated = dated.mutate(newest=dated.reading_date.max().over(by_site))
    return dated.mutate(age=dated.newest.delta(dated.reading_date, unit="day").cast("int64"))
