"""Redundant readings, where several uploaders send the readings of one sensor.

Several phones, or a phone and a cloud bridge, may upload the same sensor, seconds or minutes apart,
under several names, one name or none. An uploader is a `device`; one that gives more than a sensor
does is taken apart into strands (`models.strands`). On each UTC day the uploaders of a site are
ranked by the minutes they cover, and their strands by their readings. All readings of the best
strand are kept, and those of another one that fill a gap: no kept one of a better-ranked strand is
within three quarters of a cadence.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import greatest, microseconds
from models import strands
from models.cadence import CADENCES, GAP, MINUTE

_DAY = 24 * 60 * MINUTE
NEAR = MINUTE * 3 // 4
"""Microseconds, for each minute of a cadence, within which readings are redundant."""
_STRANDS = 8
"""Strands of a day that are told apart; those that rank after them count as one."""


def redundant(readings: ir.Table) -> ir.Table:
    """Return the keys (`site`, `entry_id`) of readings that another reading makes redundant.

    Without them there is one reading per moment, and no more than one sensor gives. The result for
    a UTC day depends on all readings of that day and of the days beside it.
    """
    at = microseconds(readings.reading_timestamp)
    uploads = readings.select(
        "site",
        "entry_id",
        device=readings.device.fill_null(""),
        glucose=readings.glucose_mg_dl,
        at=at,
        day=at // _DAY,
    )
    uploads = _around(_contested(uploads), uploads)
    same = ibis.window(group_by=["site", "device"], order_by=["at", "entry_id"])
    uploads = uploads.mutate(repeats=(uploads["at"].lag().over(same) == uploads["at"]))
    repeated = uploads.filter(uploads.repeats)
    trace = strands.taken_apart(uploads.filter(~uploads.repeats.fill_null(False)))
    corrected = trace.filter(trace.corrected)
    overlapped = _overlapped(_ranked(trace.filter(~trace.corrected)))
    return ibis.union(
        *(rows.select("site", "entry_id") for rows in (repeated, corrected, overlapped))
    )


def _contested(uploads: ir.Table) -> ir.Table:
    """Return the days (`site`, `day`) on which readings might be redundant.

    On the others, nearly all, one uploader gives what a sensor of one cadence gives: no readings
    are nearer than it allows, and most of the time lies in intervals of about that cadence.
    """
    order = ibis.window(group_by="site", order_by=["at", "entry_id"])
    uploads = uploads.mutate(previous=uploads["at"].lag().over(order))
    apart = uploads["at"] - uploads.previous
    is_known = (uploads.previous // _DAY == uploads.day) & (apart <= GAP * MINUTE)
    uploads = uploads.mutate(apart=apart, elapsed=ibis.ifelse(is_known, apart, 0).fill_null(0))
    days = uploads.group_by("site", "day").agg(
        first=uploads.device.min(),
        last=uploads.device.max(),
        nearest=uploads.apart.min(),
        elapsed=uploads.elapsed.sum(),
        **{
            f"regular_{minutes}": ibis.ifelse(
                strands.is_about(uploads.elapsed, minutes), uploads.elapsed, 0
            ).sum()
            for minutes in CADENCES
        },
    )
    plain = [
        (days.nearest >= minutes * NEAR) & (2 * days[f"regular_{minutes}"] >= days.elapsed)
        for minutes in CADENCES
    ]
    far = days.nearest >= max(CADENCES) * NEAR
    is_plain = (days["first"] == days["last"]) & ibis.or_(*plain, far).fill_null(True)
    return days.filter(~is_plain).select("site", "day")


def _around(contested: ir.Table, uploads: ir.Table) -> ir.Table:
    """Return the rows of contested days, and of the days beside.

    Nearly all days are neither, and skip the costly ranking.
    """
    around = contested.select("site", day=contested.day + _one_of(-1, 0, 1))
    return uploads.semi_join(around, ["site", "day"])


def _ranked(trace: ir.Table) -> ir.Table:
    """Return the readings with the `rank` of their strand among all of the site's day, from 0."""
    rank = ibis.dense_rank().over(group_by=["site", "day"], order_by=["uploader", "strand"])
    return trace.select(
        "site", "entry_id", "at", "day", "device", "is_several", "cadence", "slot", rank=rank
    )


def _overlapped(trace: ir.Table) -> ir.Table:
    """Return the keys of readings that have a kept one of a better-ranked strand beside them.

    Beside means nearer than 0.75 of the longer cadence of the two. Strands are gone through from
    the best on, so that a reading gives way to what is kept, and to nothing else.
    """
    trace = _with_hand_overs(trace).mutate(kept=ibis.literal(False))
    for rank in range(_STRANDS):
        is_last = rank == _STRANDS - 1
        is_here = trace["rank"] >= rank if is_last else trace["rank"] == rank
        trace = trace.mutate(is_free=is_here & ~trace.hands_over & ~_is_beside(trace))
        slot = ibis.window(group_by=["site", "day", "rank", "slot"])
        last = ibis.ifelse(trace.is_free, trace["at"], None).max().over(slot)
        trace = trace.mutate(kept=trace.kept | (trace.is_free & (trace["at"] == last)))
    return trace.filter(~trace.kept)


def _is_beside(trace: ir.Table) -> ir.BooleanColumn:
    """Return whether a kept reading is beside one, before or after it."""
    order = ["at", "entry_id"]
    before = ibis.window(group_by="site", order_by=order, preceding=(None, 1))
    after = ibis.window(group_by="site", order_by=order, following=(1, None))
    at, near = trace["at"], trace.cadence * NEAR
    own, kept = ibis.ifelse(trace.kept, at, None), trace.kept
    beside = [
        at - own.max().over(before) < near,
        at < ibis.ifelse(kept, at + near, None).max().over(before),
        own.min().over(after) - at < near,
        at > ibis.ifelse(kept, at - near, None).min().over(after),
    ]
    return ibis.or_(*(is_near.fill_null(False) for is_near in beside))


def _with_hand_overs(trace: ir.Table) -> ir.Table:
    """Add whether a reading `hands_over`: the best of one day to the best of the next.

    Nothing is lost without the first reading of a day if it is nearer than half a cadence.
    """
    strand = ibis.window(group_by=["site", "rank"], order_by=["at", "entry_id"])
    before = {name: trace[name].lag().over(strand) for name in ("at", "day", "device", "cadence")}
    near = greatest(trace.cadence, before["cadence"]) * NEAR
    is_other = (trace.device != before["device"]) | trace.is_several
    follows = (trace.day > before["day"]) & (3 * (trace["at"] - before["at"]) < 2 * near)
    return trace.mutate(hands_over=(is_other & follows).fill_null(False))


def _one_of(*numbers: int) -> ir.IntegerColumn:
    """Return each of the numbers in turn, so that one row becomes several."""
    return ibis.array([ibis.literal(number, "int64") for number in numbers]).unnest()
