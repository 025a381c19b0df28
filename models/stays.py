"""Stays: the time zones that a person lives in, one after the other.

A person lives in the zone of `timezone` in `raw.sites`, and from the instant of each of the
`travels` in another one. A local date begins in the zone of the stay that it lies in: at the end of
a stay, a clock may show hours of the day before for a second time, after the journey.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

_UNKNOWN = "UTC"
"""Zone of a site that is not configured."""


def with_zones(table: ir.Table, sites: ir.Table, **columns: str) -> ir.Table:
    """Add columns of the site's time zones, each by the instant or the local date in a column.

    `columns` maps new names to columns of instants or dates. The zone of an instant is the one that
    the clock shows then, that of a date is the one in which it begins.
    """
    people = sites.select(_of="site", _home="timezone", _travels="travels")
    joined = table.left_join(people, table.site == people["_of"])
    zones = {name: _zone(joined, joined[column]) for name, column in columns.items()}
    return joined.select(*table.columns, **zones)


def _zone(people: ir.Table, when: ir.TimestampColumn | ir.DateColumn) -> ir.StringColumn:
    """Return the zone of the last of the travels that began by then, or the home's."""
    start = "since" if when.type().is_date() else "starts_at"
    begun = people["_travels"].filter(lambda travel: travel[start] <= when)
    return ibis.coalesce(begun[-1].timezone, people["_home"], _UNKNOWN)
