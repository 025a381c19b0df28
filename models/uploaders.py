"""Redundant readings, where several uploaders send the readings of one sensor.

Several phones, or a phone and a cloud bridge, may upload the same sensor, seconds or minutes
apart. An uploader is a `device`. On each UTC day the uploaders of a site are ranked by the minutes
they cover. All readings of the best one are kept, and those of another one that fill a gap: there
is none of a better-ranked uploader within three quarters of a cadence.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import microseconds
from models.cadence import CADENCES, at_cadence, cadence, intervals

_MINUTE = 60_000_000
_DAY = 24 * 60 * _MINUTE
_REACH = _MINUTE * 3 // 4
"""Microseconds, for each minute of a cadence, within which readings are redundant."""


def redundant(readings: ir.Table) -> ir.Table:
    """Return the keys (`site`, `entry_id`) of readings that another reading makes redundant.

    Without them there is one reading per moment, and no more than one sensor gives. The result for
    a UTC day depends on all readings of that day and of the days beside it.
    """
    at, device = microseconds(readings.reading_timestamp), readings.device.fill_null("")
    day = at // _DAY
    trace = readings.select("site", "entry_id", device=device, at=at, day=day)
    days = readings.group_by("site", day=day).agg(
        contested=(device.min() != device.max()) | (at.nunique() < at.count())
    )
    trace = _around(days.filter(days.contested), trace)
    same = ibis.window(group_by=["site", "device"], order_by=["at", "entry_id"])
    trace = trace.mutate(previous=trace.at.lag().over(same))
    trace = trace.mutate(repeats=(trace.previous == trace.at).fill_null(False))
    return _repeated_or_overlapped(_ranked(trace))


def _around(contested: ir.Table, trace: ir.Table) -> ir.Table:
    """Return the rows of days with several uploaders or repeated moments, and of the days beside.

    Nearly all days have one uploader, and skip the costly ranking.
    """
    around = contested.select("site", day=contested.day + _one_of(-1, 0, 1))
    return trace.semi_join(around, ["site", "day"])


def _ranked(trace: ir.Table) -> ir.Table:
    """Add each uploader's `cadence` in minutes and `rank` on the day; the best has rank 0."""
    uploader = ibis.window(group_by=["site", "day", "device"])
    # A reading stands for the time since the one before, the day's first one for one cadence, and
    # one that repeats a moment for no time.
    follows = (trace.previous // _DAY == trace.day) & ~trace.repeats
    trace = trace.mutate(gap=ibis.ifelse(follows, trace.at - trace.previous, None))
    trace = trace.mutate(stands_for=ibis.ifelse(trace.repeats, 0, trace.gap.fill_null(_DAY)))
    facts = {
        "readings": ibis.ifelse(trace.repeats, 0, 1).sum(),
        **intervals(trace.gap / _MINUTE),
        **{
            f"covered_{minutes}": ibis.least(trace.stands_for, minutes * _MINUTE).sum()
            for minutes in CADENCES
        },
    }
    trace = trace.mutate(**{name: fact.over(uploader) for name, fact in facts.items()})
    trace = trace.mutate(cadence=cadence(trace))
    trace = trace.mutate(covered=at_cadence(trace, "covered"))
    best_first = [trace.covered.desc(), trace.readings.desc(), trace.device.asc()]
    rank = ibis.dense_rank().over(group_by=["site", "day"], order_by=best_first)
    return trace.select("site", "entry_id", "at", "repeats", "cadence", rank=rank)


def _repeated_or_overlapped(trace: ir.Table) -> ir.Table:
    """Return the readings that repeat a moment, or have a better-ranked one beside them.

    Beside means within 0.75 of the longer cadence of the two. Readings are joined by spans of time,
    so that none is compared with a whole day; a repeated one is joined with itself at least.
    """
    trace = trace.mutate(span=trace.at // (max(CADENCES) * _REACH))
    other = trace.view()
    lesser = trace.filter((trace["rank"] > 0) | trace.repeats)
    lesser = lesser.mutate(near=lesser.span + _one_of(-1, 0, 1))
    reach = ibis.greatest(lesser.cadence, other.cadence) * _REACH
    is_beside = (lesser["rank"] > other["rank"]) & ((lesser.at - other.at).abs() <= reach)
    return lesser.join(
        other,
        [
            lesser.site == other.site,
            lesser.near == other.span,
            lesser.repeats | is_beside,
        ],
    ).select(lesser.site, lesser.entry_id)


def _one_of(*numbers: int) -> ir.IntegerColumn:
    """Return each of the numbers in turn, so that one row becomes several."""
    return ibis.array([ibis.literal(number, "int64") for number in numbers]).unnest()
