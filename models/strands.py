"""Strands of an uploader: the traces of which its readings consist on a day.

Two phones may upload under one name. Then an uploader gives more than one sensor does, and each of
the traces comes once in a cadence, at its own phase of it. So the readings are put into quarters of
the cadence by their phase: those of a quarter are a strand, of which readings of two cadences lie
three quarters of one apart or more. The first quarter is the one that holds most cadences of the
day. Readings that a person scans between those of a slow sensor do not recur, and are of the one
trace: a low that only a scan saw is a low.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import least
from models.cadence import CADENCES, DAY, MINUTE

_ONE = max(CADENCES) * MINUTE
"""A cadence, in scaled time."""
_QUARTER = _ONE // 4
_OWN = 10_000
"""What a reading of the day itself counts when quarters are compared; those beside count one."""
_PAIR = 4
"""Of so many pairs in a quarter, one is not counted when quarters are compared."""
_REPLACED = MINUTE * 3 // 4
"""Microseconds within which a reading replaces the one before, at most.

It is a third of the cadence, and no more than what lies between readings of any sensor.
"""
_SHARE = 6
"""Of so many cadences of the first trace, at least one has a reading of another that recurs."""
_SLOWER = 5
"""Cadences of a 1-minute sensor after which a slower uploader sends its next reading."""
DEVICE = ("site", "judged", "device")
"""Columns of an uploader, and of the day that is judged."""


def scaled(at: ir.IntegerColumn, cadence: ir.IntegerColumn) -> ir.IntegerColumn:
    """Return a time scaled so that its cadence, in minutes, is as long as the longest one."""
    *shorter, longest = CADENCES
    factors = [(cadence == minutes, longest // minutes) for minutes in shorter]
    return at * ibis.cases(*factors, else_=1).cast("int64")


def taken_apart(trace: ir.Table) -> ir.Table:
    """Add to readings of uploaders the `strand` and the `place` that they are ranked by.

    The strand is a quarter of the cadence from the first, and 0 where an uploader is one trace. The
    place is how late in its quarter a reading comes. Readings that `is_replaced` are followed by a
    correction, or by the same reading again.
    """
    trace = trace.mutate(is_crowded=_is_near(trace.nearest, trace.cadence))
    trace = _with_several(_in_quarters(trace))
    shortly = least(trace.cadence * (MINUTE // 3), _REPLACED)
    # A correction is about the moment of the reading that it replaces.
    replaces = (~trace.is_several & (trace.back <= shortly)).fill_null(False)
    moment = ibis.ifelse(replaces, trace["at"] - trace.back, trace["at"])
    trace = trace.mutate(
        is_replaced=trace.is_repeated
        | (~trace.is_several & (trace.ahead <= shortly)).fill_null(False),
        replaces=replaces,
        is_split=trace.is_several | (trace.is_crowded & (trace.cadence < max(CADENCES))),
        since_first=scaled(moment, trace.cadence) - trace["first"],
    )
    return trace.mutate(
        strand=ibis.ifelse(trace.is_split, trace.since_first % _ONE // _QUARTER, 0),
        size=ibis.ifelse(trace.is_several, trace["size"], 0),
        place=ibis.cases(
            (trace.is_several & trace.is_again, trace.since_first % _QUARTER),
            (trace.is_split & trace.is_again & ~trace.replaces, 1),
            else_=0,
        ),
    )


def _in_quarters(trace: ir.Table) -> ir.Table:
    """Add the `time` of a reading, scaled, and the `first` phase: where the first quarter starts.

    From no other phase on does a quarter hold readings of as many cadences of the day. A pair of
    readings in it counts less than a single one, as it may be of two phones.
    """
    trace = trace.mutate(time=scaled(trace["at"], trace.cadence))
    back, ahead = (scaled(trace[way], trace.cadence) for way in ("back", "ahead"))
    is_first = (ahead < _QUARTER).fill_null(False) & ~trace.is_repeated
    is_second = (back < _QUARTER).fill_null(False) & ~trace.is_repeated
    is_next_own = (trace["at"] + trace.ahead) // DAY == trace.judged
    counted = ibis.ifelse(trace.is_repeated, 0, _counted(trace.is_own))
    trace = trace.mutate(
        phase=trace.time % _ONE,
        counts=ibis.ifelse(is_second, -counted, _PAIR * counted),
        parted=ibis.ifelse(is_first, _counted(is_next_own), 0) - ibis.ifelse(is_second, counted, 0),
    )
    # Pairs that begin before a quarter and end in it: their second one is single there. Those that
    # go round the end of phases are left out, as they are as many for each phase.
    earlier = ibis.range_window(group_by=DEVICE, order_by="phase", preceding=(None, 1))
    parted = ibis.coalesce(trace.parted.sum().over(earlier), 0)
    trace = trace.mutate(held=_in_quarter(trace.counts) + (_PAIR + 1) * parted)
    # The most that is held, and of equals the latest phase, as its quarter holds less of others.
    most = (trace.held * _ONE + trace.phase).max().over(ibis.window(group_by=DEVICE))
    return trace.mutate(first=most % _ONE)


def _in_quarter(counts: ir.IntegerColumn) -> ir.IntegerColumn:
    """Return the sum over the quarter of a cadence that starts at a phase.

    Phases go round: what follows the last one is the first.
    """
    quarter = ibis.range_window(group_by=DEVICE, order_by="phase", following=(0, _QUARTER - 1))
    round_the_end = ibis.range_window(
        group_by=DEVICE, order_by="phase", preceding=(_ONE, _ONE - _QUARTER + 1)
    )
    return counts.sum().over(quarter) + ibis.coalesce(counts.sum().over(round_the_end), 0)


def _with_several(trace: ir.Table) -> ir.Table:
    """Add whether an uploader `is_several` traces: readings beside those of the first one recur.

    What recurs has other such readings both one cadence before and after, its own or that of a
    slower sensor. The readings of two phones do, scans and corrections do not. Add also the `size`
    of a reading's quarter.
    """
    since_first = trace.time - trace["first"]
    # The reading before is of the same quarter of the same cadence.
    before = since_first - scaled(trace.back, trace.cadence)
    is_again = (before // _QUARTER == since_first // _QUARTER).fill_null(False)
    is_pair = _is_near(trace.back, trace.cadence) | _is_near(trace.ahead, trace.cadence)
    trace = trace.mutate(quarter=since_first % _ONE // _QUARTER, is_again=is_again, is_pair=is_pair)
    trace = trace.mutate(
        is_beside=~trace.is_repeated
        & ibis.ifelse(trace.quarter > 0, trace.is_pair, trace.is_again),
        is_again=trace.is_again | trace.is_repeated,
    )
    counted = ibis.ifelse(trace.is_again, 0, _counted(trace.is_own))
    recurs = _is_amid(trace, 1) | ((trace.cadence == 1) & _is_amid(trace, _SLOWER))
    trace = trace.mutate(
        size=counted.sum().over(ibis.window(group_by=[*DEVICE, "quarter"])),
        recurs=trace.is_beside & recurs,
        is_first=(trace.quarter == 0) & ~trace.is_again,
    )
    device = ibis.window(group_by=DEVICE)
    recurring, cadences = (
        ibis.ifelse(which, 1, 0).sum().over(device) for which in (trace.recurs, trace.is_first)
    )
    return trace.mutate(is_several=trace.is_crowded & (_SHARE * recurring >= cadences))


def _counted(is_own: ir.BooleanColumn) -> ir.IntegerColumn:
    """Return what readings count when quarters are compared: those of the day itself before all."""
    return ibis.ifelse(is_own, _OWN, 1).cast("int64")


def _is_amid(trace: ir.Table, cadences: int) -> ir.BooleanColumn:
    """Return whether others beside the first trace are so many cadences before and after one."""
    apart = (cadences * _ONE + _ONE // 5, cadences * _ONE - _ONE // 5)
    beside = ibis.ifelse(trace.is_beside, 1, 0).max()
    before = ibis.range_window(group_by=DEVICE, order_by="time", preceding=apart)
    after = ibis.range_window(group_by=DEVICE, order_by="time", following=apart[::-1])
    return ibis.and_(*((beside.over(way) == 1).fill_null(False) for way in (before, after)))


def _is_near(elapsed: ir.IntegerColumn, cadence: ir.IntegerColumn) -> ir.BooleanColumn:
    """Return whether readings are nearer than three quarters of a cadence in minutes."""
    return (4 * elapsed < 3 * cadence * MINUTE).fill_null(False)
