"""Redundant readings, where several uploaders send the readings of one sensor.

Several phones, or a phone and a cloud bridge, may upload the same sensor, seconds or minutes apart,
under several names, one name or none. An uploader is a `device`; one that gives more than a sensor
does is taken apart into strands (`models.strands`). Of a UTC day, uploaders with a name come first,
then the one that covers most minutes, and their strands after each other. A reading is kept if no
kept one of a better strand is nearer than three quarters of the best uploader's cadence.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import least, microseconds
from models import cadence, strands
from models.cadence import CADENCES, DAY, GAP, MINUTE
from models.strands import DEVICE

_BESIDE = 12 * 60 * MINUTE
"""Microseconds before and after a day whose readings help to tell its uploaders apart."""
NEAR = MINUTE * 3 // 4
"""Microseconds, for each minute of a cadence, within which readings are redundant."""
_TELLING = 60 * MINUTE
"""Microseconds at a cadence by which a day shows by itself what its sensor is."""
_ROUNDS = 2
"""How often readings give way. One that gives way to what gives way itself takes a round more."""


def redundant(readings: ir.Table) -> ir.Table:
    """Return the keys (`site`, `entry_id`) of readings that another reading makes redundant.

    Without them there is one reading per moment, and no more than one sensor gives. The result for
    a UTC day depends on all readings of that day and of the days beside it.
    """
    at = microseconds(readings.reading_timestamp)
    uploads = readings.select(
        "site", "entry_id", device=readings.device.fill_null(""), at=at, day=at // DAY
    )
    trace = _viewed(_contested(uploads), uploads)
    trace = _kept(_ranked(strands.taken_apart(_with_cadence(trace))))
    return trace.filter(trace.is_own & ~trace.kept).select("site", "entry_id")


def _contested(uploads: ir.Table) -> ir.Table:
    """Return the days (`site`, `day`) on which readings might be redundant.

    On the others, nearly all, one uploader gives what a sensor of one cadence gives: no readings
    are nearer than it allows, and most of the time lies in intervals of about that cadence. A few
    readings before midnight may look so, whatever the day beside shows them to be.
    """
    order = ibis.window(group_by="site", order_by=["at", "entry_id"])
    uploads = uploads.mutate(
        back=(uploads["at"] - uploads["at"].lag().over(order)).fill_null(DAY),
        ahead=(uploads["at"].lead().over(order) - uploads["at"]).fill_null(DAY),
    )
    elapsed = ibis.ifelse(uploads.back <= GAP * MINUTE, uploads.back, 0)
    days = uploads.group_by("site", "day").agg(
        first=uploads.device.min(),
        last=uploads.device.max(),
        nearest=least(uploads.back, uploads.ahead).min(),
        elapsed=elapsed.sum(),
        **{
            f"regular_{minutes}": ibis.ifelse(_is_about(elapsed, minutes), elapsed, 0).sum()
            for minutes in CADENCES
        },
    )
    plain = [
        (days.nearest >= minutes * NEAR) & (regular >= _TELLING) & (2 * regular >= days.elapsed)
        for minutes, regular in ((each, days[f"regular_{each}"]) for each in CADENCES)
    ]
    far = days.nearest >= max(CADENCES) * NEAR
    is_plain = (days["first"] == days["last"]) & ibis.or_(*plain, far)
    return days.filter(~is_plain).select("site", "day")


def _is_about(elapsed: ir.IntegerColumn, minutes: int) -> ir.BooleanColumn:
    """Return whether microseconds are a cadence in minutes, give or take a quarter."""
    one = minutes * MINUTE
    return (4 * elapsed >= 3 * one) & (4 * elapsed <= 5 * one)


def _viewed(contested: ir.Table, uploads: ir.Table) -> ir.Table:
    """Return the rows by which each contested day, as `judged`, is judged: its own and some beside.

    A sensor that was put on at 22:30 shows by midnight what it is. Each day is judged by itself, so
    that what is kept of one does not depend on what is kept of the other. Nearly all days are not
    contested, and skip what is costly.
    """
    views = contested.select("site", judged=contested.day, day=contested.day + _one_of(-1, 0, 1))
    rows = uploads.join(views, ["site", "day"])
    start, end = rows.judged * DAY - _BESIDE, (rows.judged + 1) * DAY + _BESIDE
    rows = rows.filter((rows["at"] >= start) & (rows["at"] < end))
    return rows.select("site", "judged", "device", "entry_id", "at", is_own=rows.day == rows.judged)


def _with_cadence(trace: ir.Table) -> ir.Table:
    """Add an uploader's `cadence` in minutes, and the microseconds `back` and `ahead` of readings.

    Several traces may take turns under one name, so the times between readings alone tell little.
    The cadence is the shortest one at which half of the readings have others both before and after
    them. Where there is none, it is that of the times between readings. `covered` and `readings`
    are of the day itself.
    """
    same = ibis.window(group_by=DEVICE, order_by=["at", trace.entry_id.desc()])
    before = ibis.range_window(group_by=DEVICE, order_by="at", preceding=(None, 1))
    after = ibis.range_window(group_by=DEVICE, order_by="at", following=(1, None))
    trace = trace.mutate(  # portable: ok a view of a day has an entry once
        # Of readings of one moment, the one with the smallest key comes last.
        is_repeated=(trace["at"].lead().over(same) == trace["at"]).fill_null(False),
        back=trace["at"] - trace["at"].max().over(before),
        ahead=trace["at"].min().over(after) - trace["at"],
        **{f"amid_{minutes}": _is_amid(trace, minutes) for minutes in CADENCES},
    )
    counts, counts_here = ~trace.is_repeated, trace.is_own & ~trace.is_repeated
    back = ibis.ifelse(counts, trace.back, None)
    is_followed = (trace["at"] + trace.ahead) // DAY == trace.judged
    facts = {
        "all_readings": ibis.ifelse(counts, 1, 0).sum(),
        "readings": ibis.ifelse(counts_here, 1, 0).sum(),
        "nearest": trace.back.min(),
        **{
            f"of_{minutes}": ibis.ifelse(counts & trace[f"amid_{minutes}"], 1, 0).sum()
            for minutes in CADENCES
        },
        **cadence.intervals(back),
        **cadence.reaches(ibis.ifelse(is_followed, trace.ahead, None), where=counts_here),
    }
    device = ibis.window(group_by=DEVICE)
    trace = trace.mutate(**{name: fact.over(device) for name, fact in facts.items()})
    trace = trace.mutate(
        cadence=ibis.cases(
            *((2 * trace[f"of_{minutes}"] >= trace.all_readings, minutes) for minutes in CADENCES),
            else_=cadence.cadence(trace),
        ).cast("int64")
    )
    return trace.select(
        *DEVICE,
        "entry_id",
        "at",
        "is_own",
        "is_repeated",
        "back",
        "ahead",
        "cadence",
        "readings",
        "nearest",
        covered=cadence.at_cadence(trace, "reach"),
    )


def _is_amid(trace: ir.Table, minutes: int) -> ir.BooleanColumn:
    """Return whether readings are a cadence before and after one, give or take a quarter."""
    apart = (5 * minutes * MINUTE // 4, 3 * minutes * MINUTE // 4)
    before = ibis.range_window(group_by=DEVICE, order_by="at", preceding=apart)
    after = ibis.range_window(group_by=DEVICE, order_by="at", following=apart[::-1])
    return (trace.count().over(before) > 0) & (trace.count().over(after) > 0)


def _ranked(trace: ir.Table) -> ir.Table:
    """Add the `rank` of a reading's strand on the day, from 0, and its `time`.

    The time is such that the cadence of the best uploader is as long as the longest one.
    """
    best_first = [
        (trace.device == "").asc(),
        trace.covered.desc(),
        trace.readings.desc(),
        trace.device.asc(),
        trace["size"].desc(),
        trace.strand.asc(),
        trace.place.asc(),
    ]
    day = ibis.window(group_by=["site", "judged"], order_by=best_first)
    first = ibis.window(group_by=["site", "judged"], order_by=[*best_first, "at", "entry_id"])
    trace = trace.mutate(  # portable: ok a view of a day has an entry once
        rank=ibis.dense_rank().over(day), best=trace.cadence.first().over(first)
    )
    return trace.select(
        "site",
        "judged",
        "entry_id",
        "is_own",
        rank=ibis.ifelse(trace.is_replaced, None, trace["rank"]),
        time=strands.scaled(trace["at"], trace.best),
    )


def _kept(trace: ir.Table) -> ir.Table:
    """Add whether a reading is `kept`: none that is kept and of a better strand is beside it.

    In each round those stay that have no better one beside them, and what is beside those goes.
    """
    near = max(CADENCES) * NEAR - 1
    beside = ibis.range_window(
        group_by=["site", "judged"], order_by="time", preceding=near, following=near
    )
    for number in range(_ROUNDS):
        if number:
            overlaps = ibis.ifelse(trace.kept, 1, 0).max().over(beside) == 1
            trace = trace.mutate(rank=ibis.ifelse(trace.kept | ~overlaps, trace["rank"], None))
        best = trace["rank"].min().over(beside)
        trace = trace.mutate(kept=(trace["rank"] == best).fill_null(False))
    return trace


def _one_of(*numbers: int) -> ir.IntegerColumn:
    """Return each of the numbers in turn, so that one row becomes several."""
    return ibis.array([ibis.literal(number, "int64") for number in numbers]).unnest()
