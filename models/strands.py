"""Strands of an uploader: the traces of which its readings consist on a day.

Two phones may upload under one name. Then an uploader gives more than one sensor does, and each of
the traces comes once in a cadence, at its own phase of it. So the readings of such a day are put
into quarters of the cadence by their phase: those of a quarter are a strand, of which readings of
two cadences lie three quarters of one apart or more. Readings that a person scans between those of
a slow sensor do not recur, and are of the one trace: a low that only a scan saw is a low.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import greatest, least
from models import cadence
from models.cadence import CADENCES, GAP, MINUTE

_DAY = 24 * 60 * MINUTE
_MIXED = 3
"""Traces of one uploader, at most, whose cadence is recognised."""
_CORRECTED = MINUTE * 3 // 4
"""Microseconds within which a reading that differs corrects the one before, at most.

It is a third of the cadence, and no more than what lies between readings of any sensor.
"""
_CORRECTIONS = 9
"""Corrections of an uploader on a day, at most; what differs more often is another trace."""
_EIGHTH = MINUTE // 8
"""Microseconds of an eighth of a cadence, for each of its minutes."""
_FEWEST = 3
"""Pairs of readings that recur, at least, that tell of several traces on a day."""
_AWAY = {0: 0, 1: 1, 3: 2, 2: 3}
"""Rank of a strand, by how many quarters it comes after the one with most readings."""
_BY = ("site", "day", "device")


def taken_apart(uploads: ir.Table) -> ir.Table:
    """Add to readings (`site`, `device`, `at`, `day`, `glucose`) what they are ranked by.

    `uploader` is the rank of the device on the day, from 0 for the one that covers most; `cadence`
    is its cadence in minutes. `strand` is the rank of a strand within the device, 0 where it
    is one trace; `slot` is what of a strand only the last kept reading is of. `corrected` readings
    are followed by their correction.
    """
    same = ibis.window(group_by=["site", "device"], order_by=["at", "entry_id"])
    uploads = uploads.mutate(
        next_at=uploads["at"].lead().over(same),
        next_glucose=uploads.glucose.lead().over(same),
        **{f"back_{n}": uploads["at"].lag(n).over(same) for n in range(1, _MIXED + 1)},
        **{f"ahead_{n}": uploads["at"].lead(n).over(same) for n in range(1, _MIXED + 1)},
    )
    # The facts of a day are those of its own readings.
    uploads = uploads.mutate(
        **{
            name: ibis.ifelse(
                uploads[name] // _DAY == uploads.day, (uploads["at"] - uploads[name]).abs(), None
            )
            for name in _BESIDE
        }
    )
    trace = uploads.join(_uploaders(uploads), _BY)
    return _in_strands(_corrected(trace.select(*uploads.columns, *_FACTS)))


_BESIDE = tuple(f"{way}_{n}" for n in range(1, _MIXED + 1) for way in ("back", "ahead"))
_FACTS = ("uploader", "cadence", "crowded")


def is_about(elapsed: ir.IntegerColumn, minutes: int | ir.IntegerColumn) -> ir.BooleanColumn:
    """Return whether microseconds are a cadence in minutes, give or take a quarter."""
    one = minutes * MINUTE
    return (4 * elapsed >= 3 * one) & (4 * elapsed <= 5 * one)


def _uploaders(uploads: ir.Table) -> ir.Table:
    """Return each device of a day with its `uploader` rank, its `cadence`, and if it is `crowded`.

    A crowded one has readings that are nearer than three quarters of its cadence.
    """
    elapsed = uploads.back_1
    known = ibis.ifelse(elapsed <= GAP * MINUTE, elapsed, 0).fill_null(0)
    days = uploads.group_by(*_BY).agg(
        readings=uploads.count(),
        nearest=elapsed.min(),
        intervals=elapsed.count(),
        **cadence.intervals(elapsed),
        **{
            f"regular_{minutes}": ibis.ifelse(is_about(elapsed, minutes), 1, 0).sum()
            for minutes in CADENCES
        },
        **{
            f"{name}_{minutes}": ibis.ifelse(
                ibis.or_(
                    *(is_about(uploads[column], minutes).fill_null(False) for column in columns)
                ),
                known,
                0,
            ).sum()
            for name, columns in {"alone": ["back_1"], "mixed": _BESIDE}.items()
            for minutes in CADENCES
        },
        **cadence.reaches(elapsed, where=ibis.literal(True)),
    )
    days = days.mutate(cadence=cadence.cadence(days))
    days = days.mutate(cadence=_of_each_trace(days))
    days = days.mutate(
        covered=cadence.at_cadence(days, "reach"),
        crowded=_is_near(days.nearest, days.cadence),
    )
    best_first = [
        days.covered.desc(),
        days.readings.desc(),
        (days.device == "").asc(),
        days.device.asc(),
    ]
    rank = ibis.row_number().over(group_by=["site", "day"], order_by=best_first)
    return days.select(*_BY, "cadence", "crowded", uploader=rank)


def _of_each_trace(days: ir.Table) -> ir.IntegerColumn:
    """Return the cadence of the traces of which an uploader's readings consist.

    The `cadence` of all its readings is too long where a fast sensor is out of reach for much of
    the time: there, three of four intervals are nevertheless its own. It is too short where several
    traces take turns: intervals are of no sensor's cadence there, but nearly always one of those to
    the last or next three readings is. What is not mostly minutes is of no sensor of one minute.
    """
    regular = [
        (4 * days[f"regular_{minutes}"] >= 3 * days.intervals, minutes) for minutes in CADENCES
    ]
    usual = [
        (days.cadence == minutes) & (2 * days[f"alone_{minutes}"] >= days["elapsed"])
        for minutes in CADENCES
    ]
    longer = [
        ((days.cadence < minutes) & (8 * days[f"mixed_{minutes}"] >= 7 * days["elapsed"]), minutes)
        for minutes in CADENCES[1:]
    ]
    return ibis.cases(
        (days.intervals == 0, days.cadence),
        *regular,
        (ibis.or_(*usual), days.cadence),
        *longer,
        (8 * days[f"mixed_{CADENCES[0]}"] >= 7 * days["elapsed"], days.cadence),
        else_=greatest(days.cadence, CADENCES[1]),
    ).cast("int64")


def _corrected(trace: ir.Table) -> ir.Table:
    """Add whether a reading is `corrected` by the next one, and the `moment` that it is about.

    A correction is about the moment of the reading that it replaces. What differs more often than a
    person calibrates is another trace.
    """
    same = ibis.window(group_by=["site", "device"], order_by=["at", "entry_id"])
    shortly = trace.next_at - trace["at"] <= least(trace.cadence * (MINUTE // 3), _CORRECTED)
    differs = (shortly & (trace.next_glucose != trace.glucose)).fill_null(False)
    number = ibis.ifelse(differs, 1, 0).sum().over(ibis.window(group_by=_BY))
    trace = trace.mutate(corrected=differs & (number <= _CORRECTIONS))
    trace = trace.mutate(corrects=trace.corrected.lag().over(same) & trace.back_1.notnull())
    return trace.mutate(
        moment=ibis.ifelse(
            trace.corrects.fill_null(False), trace["at"] - trace.back_1, trace["at"]
        ),
    )


def _in_strands(trace: ir.Table) -> ir.Table:
    """Add the `strand` of each reading, and its `slot`: one quarter of one cadence.

    Strands are numbered by how far their quarter is from that with most readings: 0, next to it 1
    and 2, opposite 3. So what strays from a trace comes right after it.

    Quarters start at whole cadences since 1970 or an eighth later, whichever leaves most readings
    in one of them: a trace then lies inside a quarter, and not at its edge.
    """
    eighth = trace.moment // (trace.cadence.cast("int64") * _EIGHTH).nullif(0)
    trace = trace.mutate(cell_0=eighth // 2, cell_1=(eighth - 1) // 2)
    trace = trace.mutate(strand_0=trace.cell_0 % 4, strand_1=trace.cell_1 % 4)
    in_order = ibis.window(group_by=_BY, order_by=["at", "entry_id"])
    trace = trace.mutate(
        **{
            f"opens_{n}": ibis.ifelse(
                trace[f"cell_{n}"] == trace[f"cell_{n}"].lag().over(in_order), 0, 1
            )
            for n in (0, 1)
        }
    )
    # Cells count, not readings: two of the same moment cover no more than one.
    trace = trace.mutate(
        **{
            f"count_{n}": trace[f"opens_{n}"]
            .sum()
            .over(ibis.window(group_by=[*_BY, f"strand_{n}"]))
            for n in (0, 1)
        }
    )
    day = ibis.window(group_by=_BY)
    trace = trace.mutate(later=trace.count_1.max().over(day) > trace.count_0.max().over(day))
    chosen = {
        name: ibis.ifelse(trace.later, trace[f"{name}_1"], trace[f"{name}_0"])
        for name in ("cell", "strand", "count")
    }
    trace = trace.mutate(cell=chosen["cell"], quarter=chosen["strand"], count=chosen["count"])
    trace = trace.mutate(most=trace["count"].max().over(day))
    best = ibis.ifelse(trace["count"] == trace.most, trace.quarter, None).min().over(day)
    trace = trace.mutate(best=best)
    away = (trace.quarter - trace.best + 4) % 4
    trace = trace.mutate(
        strand=ibis.cases(*((away == quarters, rank) for quarters, rank in _AWAY.items()))
    )
    trace = _with_several(trace)
    return trace.mutate(
        strand=ibis.ifelse(trace.is_several, trace.strand, 0),
        slot=ibis.ifelse(trace.is_several, trace.cell, trace["at"]),
    )


def _with_several(trace: ir.Table) -> ir.Table:
    """Add whether an uploader `is_several`: of readings beside each other, both recur as a rule.

    What recurs has a reading like it one cadence before or after, its own or a slower one: in the
    same quarter, wherever quarters start, and at the same place among those of its cell. The
    readings of two phones do, scans do not. Nobody scans a sensor that is faster than the slowest.
    """
    for n in (0, 1):
        in_cell = ibis.window(group_by=[*_BY, f"cell_{n}"], order_by=["at", "entry_id"])
        trace = trace.mutate(**{f"place_{n}": ibis.row_number().over(in_cell)})
    # Cells are quarters of the cadence.
    steps = [minutes * len(_AWAY) for minutes in CADENCES]
    trace = trace.mutate(
        recurs=ibis.or_(
            *(
                (cells * trace.cadence).isin(steps).fill_null(False)
                for grid in (0, 1)
                for cells in _since_alike(trace, grid)
            )
        )
    )
    in_order = ibis.window(group_by=_BY, order_by=["at", "entry_id"])
    trace = trace.mutate(
        is_pair=_is_near(trace.back_1, trace.cadence) & ~trace.corrects.fill_null(False),
        both_recur=trace.recurs & trace.recurs.lag().over(in_order),
    )
    day = ibis.window(group_by=_BY)
    pairs, recurring = (
        ibis.ifelse(which.fill_null(False), 1, 0).sum().over(day)
        for which in (trace.is_pair, trace.is_pair & trace.both_recur)
    )
    enough = (3 * recurring >= 2 * pairs) & (recurring >= _FEWEST)
    return trace.mutate(is_several=trace.crowded & (enough | (trace.cadence < max(CADENCES))))


def _since_alike(trace: ir.Table, grid: int) -> list[ir.IntegerColumn]:
    """Return the cells since the reading before that is like one, and until the one after."""
    cell = trace[f"cell_{grid}"]
    like = ibis.window(
        group_by=[*_BY, f"strand_{grid}", f"place_{grid}"], order_by=["at", "entry_id"]
    )
    return [cell - cell.lag().over(like), cell.lead().over(like) - cell]


def _is_near(elapsed: ir.IntegerColumn, cadence: ir.IntegerColumn) -> ir.BooleanColumn:
    """Return whether readings are nearer than three quarters of a cadence in minutes."""
    return (4 * elapsed < 3 * cadence * MINUTE).fill_null(False)
