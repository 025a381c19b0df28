"""Episodes of low and high glucose (Battelino 2023), found with window functions alone.

An episode starts at the first of 15 consecutive minutes beyond a limit, and ends at the first of
15 consecutive minutes back. As in iglu, the reference implementation, the trace is sampled every
five minutes of the clock, interpolated linearly, and a gap over 45 minutes splits it: so 1-minute
sensors, duplicates and missed readings make no difference.

Here the trace is also split by six hours that go back and forth, without 15 minutes on either side
of the limit. So whether an excursion opens or ends an episode depends on at most seven hours before
and after it: the six, 45 minutes, and the 15 that confirm it. Excursions of a day are computed from
that day and a few hours beside it, and episodes from excursions.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import from_seconds, greatest, least, microseconds
from models.cadence import GAP, MINUTE
from models.metrics import HIGH, LOW, VERY_HIGH, VERY_LOW

_SECOND = 1_000_000
STEP = 5
"""Minutes of the grid."""
_STEP = STEP * 60 * _SECOND
_GAP = GAP * 60 * _SECOND
SHORTEST = 15
"""Minutes beyond a limit that start an episode, and minutes back that end it."""
_CONFIRMED = SHORTEST // STEP
_UNDECIDED = 6 * 60 // STEP
_A_DAY = 24 * 60 // STEP
FOLLOWED = 30
"""Days after its start for which an episode is followed."""
EXTENDED = 120
"""Minutes; hypoglycemia that lasts longer is called extended."""
HYPO = "hypo"
HYPER = "hyper"
DANGEROUS = ((HYPO, 1), (HYPER, 2))
"""Kind and level of the episodes that decide the status of a day: below 70 and above 250."""
_BOUNDS = (VERY_LOW, LOW, HIGH, VERY_HIGH)
"""Bounds, in mg/dL, of five ranges, 0 to 4."""
_INSIDE = 2
"""The range between the limits."""
_END = 5
"""Range of the slot that follows the last one of a trace."""
KINDS = (
    (HYPO, 1, (0, 1)),
    (HYPO, 2, (0,)),
    (HYPER, 1, (3, 4)),
    (HYPER, 2, (4,)),
)
"""Kind, level and the ranges beyond the limit; level 1 includes level 2."""


def excursions(readings: ir.Table) -> ir.Table:
    """Return excursions: times beyond a limit, cut at midnight UTC, of which episodes consist.

    For each kind and level: the `first` slot, the `end` after the last one, `lowest`, `highest`,
    whether it `opens` an episode, and `over`, the slot at which an episode ends with it, or null.
    """
    parts = _confirmed(_runs(_in_one_range(_slots_beyond(readings))))
    order = ibis.window(group_by=["site", "limit", "segment_end"], order_by="first")
    parts = parts.mutate(  # portable: ok one part of a segment begins at a slot
        since=parts["first"] - parts.end.lag().over(order),
        was_beyond=parts.beyond.lag().over(order),
        until=parts["first"].lead().over(order) - parts.end,
        then_beyond=parts.beyond.lead().over(order),
    )
    is_decided = (parts.until <= _UNDECIDED).fill_null(False)
    # Six hours that go back and forth split an episode too.
    follows = (parts.since <= _UNDECIDED) & parts.was_beyond
    goes_on = (parts.until <= _UNDECIDED) & parts.then_beyond
    # Without 15 minutes back, an episode ends where glucose was last beyond the limit.
    back = ibis.ifelse(is_decided, parts.end + parts.until, parts.end)
    beyond = parts.mutate(
        lowest=ibis.ifelse(is_decided, parts.lowest_until, parts.lowest),
        highest=ibis.ifelse(is_decided, parts.highest_until, parts.highest),
        opens=~follows.fill_null(False),
        over=ibis.ifelse(goes_on.fill_null(False), None, back),
    ).filter(parts.beyond)
    names, levels, _ = zip(*KINDS, strict=True)
    return beyond.mutate(
        kind=_choice(beyond["limit"], names),
        level=_choice(beyond["limit"], [ibis.literal(level, "int32") for level in levels]),
    ).select("site", "kind", "level", "first", "end", "lowest", "highest", "opens", "over")


def _slots_beyond(readings: ir.Table) -> ir.Table:
    """Return the slots (multiples of five minutes since 1970) of a trace beyond a limit.

    `range` tells beyond which; `lowest` and `highest` are of the readings from the slot before to
    the one after, and of those right beside the slot. Ends of the trace are slots of range `_END`.
    """
    order = ibis.window(group_by="site", order_by="at")
    trace = readings.select(
        "site", glucose=readings.glucose_mg_dl, at=microseconds(readings.reading_timestamp)
    )
    next_at, after = (  # portable: ok a site has one reading at a moment
        column.lead().over(order) for column in (trace["at"], trace.glucose)
    )
    joined = (next_at - trace["at"] <= _GAP).fill_null(False)
    # A reading before a split stands for its own moment only.
    trace = trace.mutate(
        ends=~joined,
        next_at=ibis.ifelse(joined, next_at, trace["at"] + 1),
        after=ibis.ifelse(joined, after, trace.glucose),
    )
    slots = _slot_from(trace.next_at) - _slot_from(trace["at"])
    trace = trace.mutate(first=_slot_from(trace["at"]), slots=slots)
    # Readings without a slot between them count for the slots before and after them.
    trace = trace.mutate(between=ibis.ifelse(trace.slots == 0, 1, 0).cast("int64"))
    count = trace.slots + trace.between + ibis.ifelse(trace.ends, 1, trace.between).cast("int64")
    # Nothing between two readings in range is beyond a limit: most of a trace is left out.
    has_any = _is_beyond(trace.glucose) | _is_beyond(trace.after) | trace.ends | (trace.between > 0)
    trace = trace.mutate(count=count).filter(has_any)
    points = trace.mutate(slot=trace["first"] - trace.between + ibis.range(trace["count"]).unnest())
    here, span = points.slot * _STEP, points.next_at - points["at"]
    weighted = points.glucose * (points.next_at - here) + points.after * (here - points["at"])
    is_last = points.slot == points["first"] + points.slots
    points = points.mutate(value=weighted / span, is_end=points.ends & is_last)
    low, high = (chosen(points.glucose, points.after) for chosen in (least, greatest))
    slots = points.group_by("site", "slot").agg(
        range=ibis.cases((points.is_end, _END), (points.between == 0, _range(points.value))).max(),
        lowest=low.min(),
        highest=high.max(),
    )
    return slots.filter(slots["range"] != _INSIDE)


def _slot_from(at: ir.IntegerColumn) -> ir.IntegerColumn:
    """Return the first slot that is not before a moment."""
    return (at + (_STEP - 1)) // _STEP


def _is_beyond(glucose: ir.NumericColumn) -> ir.BooleanColumn:
    return (glucose < LOW) | (glucose > HIGH)


def _range(glucose: ir.NumericColumn) -> ir.IntegerColumn:
    """Return the range, 0 to 4, in which a value lies."""
    low, high = _BOUNDS[:2], _BOUNDS[2:]
    below = [*(glucose < bound for bound in low), *(glucose <= bound for bound in high)]
    return ibis.cases(*((is_below, n) for n, is_below in enumerate(below)), else_=len(below))


def _in_one_range(slots: ir.Table) -> ir.Table:
    """Join consecutive slots in one range, cut at midnight UTC, with `segment_end` of their trace.

    All limits lie between ranges, so this shortens the trace once for all of them. A slot minus its
    rank within the range is the same number, `island`, for slots without others between them.
    """
    by_range = ibis.window(group_by=[slots.site, slots["range"]], order_by=slots.slot)
    slots = slots.mutate(  # portable: ok a site has one row at a slot
        island=slots.slot - ibis.row_number().over(by_range),
        day=slots.slot // _A_DAY,
    )
    parts = slots.group_by("site", "range", "island", "day").agg(
        first=slots.slot.min(),
        end=slots.slot.max() + 1,
        lowest=slots.lowest.min(),
        highest=slots.highest.max(),
    )
    from_here = ibis.window(group_by="site", order_by="first", rows=(0, None))
    end = ibis.ifelse(parts["range"] == _END, parts["first"], None)
    ahead = end.min().over(from_here)  # portable: ok one part begins at a slot
    parts = parts.mutate(segment_end=ahead)
    return parts.filter(parts["range"] != _END)


def _runs(parts: ir.Table) -> ir.Table:
    """Return runs of consecutive slots `beyond` a limit, and those back between them.

    `limit` is a place in `KINDS`. A run beyond is cut at midnight UTC, and has the same number,
    `run`, and the same `length` of the whole on all its days.
    """
    limits = ibis.array([ibis.literal(number, "int64") for number in range(len(KINDS))])
    parts = parts.mutate(limit=limits.unnest())
    beyond = [parts["range"].isin(ranges) for _, _, ranges in KINDS]
    parts = parts.filter(_choice(parts["limit"], beyond))
    by = ["site", "limit", "segment_end"]
    order = ibis.window(group_by=by, order_by="first")
    up_to = ibis.window(group_by=by, order_by="first", rows=(None, 0))
    # The end minus the slots so far is the same number for parts without others between them.
    passed = (parts.end - parts["first"]).sum().over(up_to)  # portable: ok a slot is in one part
    parts = parts.mutate(run=parts.end - passed)
    runs = parts.group_by(*by, "run", day=parts["first"] // _A_DAY).agg(
        first=parts["first"].min(),
        end=parts.end.max(),
        lowest=parts.lowest.min(),
        highest=parts.highest.max(),
    )
    whole = ibis.window(group_by=[*by, "run"])
    following = runs["first"].lead().over(order)  # portable: ok one run begins at a slot
    runs = runs.mutate(
        next_first=following.fill_null(runs.segment_end),
        length=runs.end.max().over(whole) - runs["first"].min().over(whole),
    )
    both = runs.mutate(beyond=ibis.array([True, False]).unnest())
    both = both.mutate(
        first=ibis.ifelse(both.beyond, both["first"], both.end),
        end=ibis.ifelse(both.beyond, both.end, both.next_first),
        length=ibis.ifelse(both.beyond, both.length, both.next_first - both.end),
    )
    return both.filter(both["first"] < both.end)


def _confirmed(runs: ir.Table) -> ir.Table:
    """Return the days of runs that last 15 minutes or more in all.

    `lowest_until` and `highest_until` are also of the shorter runs up to the next long one, which
    belong to an episode that goes on until then.
    """
    by = ["site", "limit", "segment_end"]
    up_to = ibis.window(group_by=by, order_by="first", rows=(None, 0))
    runs = runs.mutate(is_long=runs.length >= _CONFIRMED)
    number = ibis.ifelse(runs.is_long, 1, 0).cast("int64").sum()
    runs = runs.mutate(part=number.over(up_to))  # portable: ok one run begins at a slot
    until_next = ibis.window(group_by=[*by, "part"])
    counts = runs.is_long | runs.beyond
    runs = runs.mutate(
        lowest_until=ibis.ifelse(counts, runs.lowest, None).min().over(until_next),
        highest_until=ibis.ifelse(counts, runs.highest, None).max().over(until_next),
    )
    return runs.filter(runs.is_long)


def joined(excursions: ir.Table) -> ir.Table:
    """Add the number of the `episode` that an excursion belongs to, from 1 by site, kind and level.

    0 means an episode that opened before the first excursion. Excursions more than 30 days after
    the start of their episode are left out.
    """
    by = ["site", "kind", "level"]
    up_to = ibis.window(group_by=by, order_by="starts_at", rows=(None, 0))
    opens = ibis.ifelse(excursions.opens, 1, 0).cast("int64")
    numbered = excursions.mutate(episode=opens.sum().over(up_to))
    started = numbered.starts_at.min().over(ibis.window(group_by=[*by, "episode"]))
    return numbered.filter(numbered.starts_at < started + ibis.interval(days=FOLLOWED))


def within_days(excursions: ir.Table) -> ir.Table:
    """Return the longest episodes, in minutes, that start and end on a local `reading_date`.

    `longest_hypo` is of those below 70 mg/dL, `longest_hyper` of those above 250; null for none.
    """
    meant = [(excursions.kind == kind) & (excursions.level == level) for kind, level in DANGEROUS]
    parts = joined(excursions.filter(ibis.or_(*meant)))
    parts = parts.filter(parts.episode > 0)
    episodes = parts.group_by("site", "kind", "episode").agg(
        reading_date=parts.local_date.min(),
        end_date=parts.local_end_date.max(),
        started_at=parts.starts_at.min(),
        ended_at=parts.episode_ended_at.max(),
    )
    # The end of an episode is null if it lies beyond what is read, later than the day.
    episodes = episodes.filter(
        episodes.ended_at.notnull(), episodes.end_date == episodes.reading_date
    )
    elapsed = microseconds(episodes.ended_at) - microseconds(episodes.started_at)
    episodes = episodes.mutate(minutes=elapsed / MINUTE)
    longest = {
        f"longest_{kind}": ibis.ifelse(episodes.kind == kind, episodes.minutes, None).max()
        for kind, _ in DANGEROUS
    }
    return episodes.group_by("site", "reading_date").agg(**longest)


def instant(slot: ir.IntegerColumn) -> ir.TimestampColumn:
    """Return the instant of a slot."""
    return from_seconds(slot * (STEP * 60))


def _choice(number: ir.IntegerColumn, values: Sequence[ir.Value | str]) -> ir.Column:
    """Return the value at the place `number` of the list."""
    return ibis.cases(*((number == place, value) for place, value in enumerate(values)))
