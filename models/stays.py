"""Stays: the time zones that a person lives in, one after the other.

A person lives in the zone of `timezone` in `raw.sites`, and from the instant of each of the
`travels` in another one. A local date begins in the zone of the stay that it lies in: at the end of
a stay, a clock may show hours of the day before for a second time, after the journey.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import utc_midnight

_UNKNOWN = "UTC"
"""Zone of a site that is not configured."""
_FIRST, _LAST = (1970, 1, 1), (9999, 12, 31)
"""Dates before any stay, and after all of them."""


def with_zones(table: ir.Table, sites: ir.Table, **columns: str) -> ir.Table:
    """Add columns of the site's time zones, each by the instant or the local date in a column.

    `columns` maps new names to columns of instants or dates. The zone of an instant is the one that
    the clock shows then, that of a date is the one in which it begins.
    """
    stays = _stays(sites)
    for name, column in columns.items():
        first, end = ("since", "until") if table[column].type().is_date() else ("starts", "ends")
        stay = stays.select(
            stay_site="site", stay_zone="timezone", stay_first=first, stay_end=end
        ).view()
        joined = table.left_join(
            stay,
            [
                table.site == stay.stay_site,
                table[column] >= stay.stay_first,
                table[column] < stay.stay_end,
            ],
        )
        table = joined.select(*table.columns, **{name: joined.stay_zone.fill_null(_UNKNOWN)})
    return table


def _stays(sites: ir.Table) -> ir.Table:
    """Return a row per stay of each site: its zone, and where it starts and ends.

    `starts` and `ends` are instants, `since` and `until` the first local date that begins in the
    zone, and the first one that does not.
    """
    first, last = ibis.date(*_FIRST), ibis.date(*_LAST)
    changes = sites.travels.length().fill_null(0)
    # A union of homes and travels would read the table twice.
    stays = sites.mutate(number=ibis.range(changes + 1).unnest())
    is_first = stays.number == 0
    travel, following = stays.travels[stays.number - 1], stays.travels[stays.number]
    return stays.select(
        "site",
        timezone=ibis.ifelse(is_first, stays.timezone, travel.timezone),
        starts=ibis.ifelse(is_first, utc_midnight(first), travel.starts_at),
        since=ibis.ifelse(is_first, first, travel.since),
        ends=following.starts_at.fill_null(utc_midnight(last)),
        until=following.since.fill_null(last),
    )
