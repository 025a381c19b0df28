"""Episodes of low and high glucose (Battelino 2023), found with window functions alone.

An episode starts at the first of 15 consecutive minutes beyond a limit, and ends at the first of
15 consecutive minutes back. As in iglu, the reference implementation, the trace is read every five
minutes of the clock, interpolated linearly, and a gap over 45 minutes splits it: so 1-minute
sensors, duplicates and missed readings count alike.

What splits the trace is bounded on purpose: six hours that go back and forth, without 15 minutes
on either side, split it as well. So whether an excursion opens or ends an episode depends on no
more than seven hours on either side: the six, 45 minutes, and the 15 that confirm it. Excursions of
a day can be told from that day and a few hours beside it; episodes are put together from them.
"""

from __future__ import annotations

from collections.abc import Sequence

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
_A_DAY = 24 * 60 // STEP
FOLLOWED = 30
"""Days after its start that an episode is followed."""
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


def excursions(slots: ir.Table) -> ir.Table:
    """The times beyond a limit that episodes are made of, cut at midnight UTC.

    For each kind and level: `first` slot and the `end` after the last one, `lowest`, `highest`;
    whether it `opens` an episode; and where an episode ends with it, the slot it ended at, `over`.
    """
    parts = _confirmed(_runs(slots))
    order = ibis.window(group_by=["site", "limit", "segment"], order_by="first")
    parts = parts.mutate(
        since=parts["first"] - parts.end.lag().over(order),
        was_beyond=parts.beyond.lag().over(order),
        until=parts["first"].lead().over(order) - parts.end,
        then_beyond=parts.beyond.lead().over(order),
    )
    # Six hours that go back and forth split an episode, too.
    follows = (parts.since <= _UNDECIDED) & parts.was_beyond
    goes_on = (parts.until <= _UNDECIDED) & parts.then_beyond
    # Without 15 minutes back, an episode ends where glucose was last seen beyond.
    back = ibis.ifelse(parts.until <= _UNDECIDED, parts.end + parts.until, parts.end)
    found = parts.mutate(
        opens=~follows.fill_null(False), over=ibis.ifelse(goes_on.fill_null(False), None, back)
    ).filter(parts.beyond)
    names, levels, _ = zip(*KINDS, strict=True)
    return found.mutate(
        kind=_choice(found["limit"], names),
        level=_choice(found["limit"], [ibis.literal(level, "int32") for level in levels]),
    ).select("site", "kind", "level", "first", "end", "lowest", "highest", "opens", "over")


def joined(excursions: ir.Table) -> ir.Table:
    """Adds which `episode` of its site, kind and level an excursion belongs to, from 1 on.

    0 is what goes on from before the first excursion. An episode is followed for 30 days.
    """
    by = ["site", "kind", "level"]
    so_far = ibis.window(group_by=by, order_by="starts_at", rows=(None, 0))
    opens = ibis.ifelse(excursions.opens, 1, 0).cast("int64")
    found = excursions.mutate(episode=opens.sum().over(so_far))
    started = found.starts_at.min().over(ibis.window(group_by=[*by, "episode"]))
    return found.filter(found.starts_at < started + ibis.interval(days=FOLLOWED))


def instant(slot: ir.IntegerColumn) -> ir.TimestampColumn:
    """The instant of a slot."""
    return from_seconds(slot * (STEP * 60))


def _runs(slots: ir.Table) -> ir.Table:
    """Consecutive slots on one side of a limit, cut at midnight UTC; `limit` counts `KINDS`.

    A `run` has one number in all its days, a `segment` of the trace without a hole as well.
    """
    order = ibis.window(group_by="site", order_by="slot")
    so_far = ibis.window(group_by="site", order_by="slot", rows=(None, 0))
    hole = (slots.slot - slots.slot.lag().over(order) != 1).fill_null(True)
    sides = {
        f"beyond_{number}": is_beyond(slots.glucose, kind, limit)
        for number, (kind, _, limit) in enumerate(KINDS)
    }
    slots = slots.mutate(hole=hole, **sides)
    changes = {name: slots.hole | (slots[name] != slots[name].lag().over(order)) for name in sides}
    slots = slots.mutate(
        **{f"changed_{name}": _one_if(changed) for name, changed in changes.items()},
        split=_one_if(slots.hole),
    )
    slots = slots.mutate(
        segment=slots.split.sum().over(so_far),
        **{f"run_{name}": slots[f"changed_{name}"].sum().over(so_far) for name in sides},
    )
    limits = ibis.array([ibis.literal(number, "int64") for number in range(len(KINDS))])
    each = slots.mutate(limit=limits.unnest())
    each = each.mutate(
        beyond=_choice(each["limit"], [each[name] for name in sides]),
        run=_choice(each["limit"], [each[f"run_{name}"] for name in sides]),
        day=each.slot // _A_DAY,
    )
    return each.group_by("site", "limit", "segment", "run", "beyond", "day").agg(
        first=each.slot.min(),
        end=each.slot.max() + 1,
        lowest=each.lowest.min(),
        highest=each.highest.max(),
    )


def _confirmed(runs: ir.Table) -> ir.Table:
    """The days of runs that last 15 minutes in all."""
    whole = ibis.window(group_by=["site", "limit", "run"])
    length = runs.end.max().over(whole) - runs["first"].min().over(whole)
    return runs.filter(length >= _CONFIRMED)


def _choice(number: ir.IntegerColumn, values: Sequence[ir.Value | str]) -> ir.Column:
    """The value at a place in the list."""
    return ibis.cases(*((number == place, value) for place, value in enumerate(values)))


def _one_if(condition: ir.BooleanColumn) -> ir.IntegerColumn:
    return ibis.ifelse(condition, 1, 0).cast("int64")
