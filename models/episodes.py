"""Episodes of low and high glucose (Battelino 2023), found with window functions alone.

An episode starts at the first of 15 consecutive minutes beyond a limit, and ends at the first of
15 consecutive minutes back. As in iglu, the reference implementation, the trace is read every five
minutes of the clock, interpolated linearly, and a gap over 45 minutes splits it: so 1-minute
sensors, duplicates and missed readings count alike.

What splits the trace is bounded on purpose: six hours that go back and forth, without 15 minutes
on either side, split it as well. So an episode's start depends on no more than seven hours before
it, and on one hour after it: 45 minutes, and the 15 that confirm it.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import from_seconds, microseconds
from models.metrics import HIGH, LOW, VERY_HIGH, VERY_LOW

_SECOND = 1_000_000
STEP = 5
"""Minutes of the grid."""
_STEP = STEP * 60 * _SECOND
_GAP = 45 * 60 * _SECOND
SHORTEST = 15
"""Minutes beyond a limit that make an episode, and back that end it."""
_CONFIRMED = SHORTEST // STEP
_UNDECIDED = 6 * 60 // STEP
EXTENDED = 120
"""Minutes; hypoglycemia that lasts longer is called extended."""
HYPO = "hypo"
HYPER = "hyper"
KINDS = (
    (HYPO, 1, LOW),
    (HYPO, 2, VERY_LOW),
    (HYPER, 1, HIGH),
    (HYPER, 2, VERY_HIGH),
)
"""Kind, level and limit; level 1 includes level 2."""


def is_beyond(glucose: ir.NumericColumn, kind: str, limit: int) -> ir.BooleanColumn:
    """Whether glucose is beyond the limit of this kind."""
    return glucose < limit if kind == HYPO else glucose > limit


def every_five_minutes(readings: ir.Table) -> ir.Table:
    """`glucose` at each `slot` (multiples of five minutes since 1970) of a site's trace.

    `lowest` and `highest` are what was read from a slot to the next, and right beside the slot.
    """
    order = ibis.window(group_by="site", order_by="at")
    trace = readings.select(
        "site", glucose=readings.glucose_mg_dl, at=microseconds(readings.reading_timestamp)
    )
    next_at, after = trace["at"].lead().over(order), trace.glucose.lead().over(order)
    joined = next_at - trace["at"] <= _GAP
    # At a split the reading speaks for its own moment alone.
    trace = trace.mutate(
        next_at=ibis.ifelse(joined, next_at, trace["at"] + 1),
        after=ibis.ifelse(joined, after, trace.glucose),
    )
    # A reading with no slot before the next one belongs to the slot it follows.
    slots = _slot_from(trace.next_at) - _slot_from(trace["at"])
    points = trace.mutate(
        has_slot=slots > 0,
        slot=_slot_from(trace["at"])
        + ibis.ifelse(slots > 0, 0, -1)
        + ibis.range(ibis.greatest(slots, 1)).unnest(),
    )
    here, span = points.slot * _STEP, points.next_at - points["at"]
    weighted = points.glucose * (points.next_at - here) + points.after * (here - points["at"])
    found = points.group_by("site", "slot").agg(
        glucose=ibis.ifelse(points.has_slot, weighted / span, None).max(),
        lowest=ibis.least(points.glucose, points.after).min(),
        highest=ibis.greatest(points.glucose, points.after).max(),
    )
    return found.filter(found.glucose.notnull())


def _slot_from(at: ir.IntegerColumn) -> ir.IntegerColumn:
    """The first slot that is not before a moment."""
    return (at + (_STEP - 1)) // _STEP


def episodes(slots: ir.Table, beyond: ir.BooleanColumn) -> ir.Table:
    """One row per episode: first slot, the slot that ends it, and the extremes between.

    `beyond` says which of the `slots` are beyond the limit.
    """
    stretches = _stretches(_confirmed_runs(slots, beyond))
    order = ibis.window(group_by=["site", "segment"], order_by="first")
    following = stretches["first"].lead().over(order)
    # Without 15 minutes back, the episode ends where glucose was last seen beyond.
    back = ibis.ifelse(following - stretches.end <= _UNDECIDED, following, stretches.end)
    stretches = stretches.mutate(back=back)
    found = stretches.filter(stretches.beyond)
    return found.select("site", "first", "lowest", "highest", end=found.back)


def starts(readings: ir.Table, limit: int) -> ir.Table:
    """When episodes below `limit` started: `site`, `started_at`."""
    slots = every_five_minutes(readings)
    found = episodes(slots, slots.glucose < limit)
    return found.select("site", started_at=instant(found["first"]))


def instant(slot: ir.IntegerColumn) -> ir.TimestampColumn:
    """The instant of a slot."""
    return from_seconds(slot * (STEP * 60))


def _confirmed_runs(slots: ir.Table, beyond: ir.BooleanColumn) -> ir.Table:
    """Consecutive slots on one side of the limit, where they last 15 minutes.

    Slots without a hole between them, minus their rank, give one number: that of their island.
    """
    slots = slots.mutate(beyond=beyond)
    by_site = ibis.window(group_by=slots.site, order_by=slots.slot)
    by_side = ibis.window(group_by=[slots.site, slots.beyond], order_by=slots.slot)
    slots = slots.mutate(
        segment=slots.slot - ibis.row_number().over(by_site),
        island=slots.slot - ibis.row_number().over(by_side),
    )
    runs = slots.group_by("site", "segment", "beyond", "island").agg(
        first=slots.slot.min(),
        end=slots.slot.max() + 1,
        lowest=slots.lowest.min(),
        highest=slots.highest.max(),
    )
    return runs.filter(runs.end - runs["first"] >= _CONFIRMED)


def _stretches(runs: ir.Table) -> ir.Table:
    """Confirmed runs joined over what lies between them, while they are on the same side."""
    order = ibis.window(group_by=["site", "segment"], order_by="first")
    same = runs.beyond.lag().over(order) == runs.beyond
    soon = runs["first"] - runs.end.lag().over(order) <= _UNDECIDED
    runs = runs.mutate(opens=ibis.ifelse(same & soon, 0, 1).cast("int64"))
    so_far = ibis.window(group_by=["site", "segment"], order_by="first", rows=(None, 0))
    runs = runs.mutate(stretch=runs.opens.sum().over(so_far))
    return runs.group_by("site", "segment", "beyond", "stretch").agg(
        first=runs["first"].min(),
        end=runs.end.max(),
        lowest=runs.lowest.min(),
        highest=runs.highest.max(),
    )
