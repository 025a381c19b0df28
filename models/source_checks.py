"""Checks of what the sources gave: findings that are told, and hold nobody's figures up."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse import quality
from lakehouse.expressions import from_seconds, microseconds, to_local

_DAY = 86_400
"""Seconds."""


@quality(
    table="bronze.stg_glucose_entries",
    blocking=False,
    finding=True,
    lookback="3d",  # the empty day, and the one before it
)
def no_day_between_two_others_is_empty(stg_glucose_entries: ir.Table) -> ir.Table:
    """A person who has readings on two days of UTC has some on the day between.

    The row is that of the day after the empty one, with its first reading.
    """
    entries = stg_glucose_entries
    numbered = entries.mutate(day=microseconds(entries.reading_timestamp) // (_DAY * 1_000_000))
    days = numbered.group_by("site", "day").agg(
        reading_timestamp=numbered.reading_timestamp.min(), readings=numbered.count()
    )
    before = days.day.lag().over(ibis.window(group_by="site", order_by="day"))
    after = days.mutate(before=before)
    after = after.filter(after.day - after.before == 2)  # noqa: PLR2004
    empty = to_local(from_seconds((after.day - 1) * _DAY), "UTC").date()
    return after.select("site", "reading_timestamp", "readings", empty_day=empty)
