"""The time of a trace: how much of a day or night it covers, and how long it is beyond limits.

A trace is read as for episodes: straight between two readings, and split where more than 45 minutes
lie between them. So missed readings do not shorten the time beyond a limit, and doubled ones do not
lengthen it. A reading with nothing on either side, a lone one, stands for one cadence.

A day or a night is a part. Its trace enters on the line from the reading before it, and leaves on
the line to the one after it: both are cut at the part's bounds.

Everything is a whole number, so that sums are the same in any order on any engine: moments are
microseconds, times beyond a limit nanoseconds, each rounded down.
"""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import microseconds
from models import cadence, metrics
from models.cadence import CADENCES, GAP, MINUTE

LIMITS = {
    "below_54": metrics.VERY_LOW,
    "below_70": metrics.LOW,
    "above_180": metrics.HIGH,
    "above_250": metrics.VERY_HIGH,
}
"""Limits in mg/dL by the names of the times beyond them; the limit itself is not beyond."""
_NANO = 1000
"""Nanoseconds in a microsecond."""
_LINES = ("ahead", "behind")
"""Lines from a reading to the next one, and from the first of a part to the one before it."""


def with_neighbours(readings: ir.Table) -> ir.Table:
    """Add `at`, in microseconds, and `at` and `value` of the readings before and after each."""
    order = ibis.window(group_by="site", order_by="reading_timestamp")
    trace = readings.mutate(
        at=microseconds(readings.reading_timestamp), value=readings.glucose_mg_dl
    )
    beside: dict[str, ir.Column] = {}
    for name in ("at", "value"):
        before, after = (  # portable: ok a site has one reading at a moment
            way.over(order) for way in (trace[name].lag(), trace[name].lead())
        )
        beside |= {f"{name}_before": before, f"{name}_after": after}
    return trace.mutate(**beside)


def with_times(trace: ir.Table, limits: Iterable[str] = LIMITS) -> ir.Table:
    """Add to rows of `with_neighbours` what each reading adds to the times of its part.

    Each has the bounds of its part, `starts` and `ends`. `elapsed` is the time to the next reading,
    null if that is of another part. `reach_<cadence>` is the reach, cut at the end of the part, and
    `lone_<cadence>` the same of a lone reading. `time` is that of its lines, and
    `time_<limit>` the nanoseconds of them beyond each of the `limits`.
    """
    after, before = trace.at_after - trace["at"], trace["at"] - trace.at_before
    room, leads = trace.ends - trace["at"], (trace.at_before < trace.starts).fill_null(True)
    trace = trace.mutate(
        elapsed=ibis.ifelse(trace.at_after < trace.ends, after, None),
        is_lone=~(_is_joined(before) | _is_joined(after)),
        ahead=ibis.ifelse(_is_joined(after), after, 0),
        behind=ibis.ifelse(_is_joined(before) & leads, before, 0),
        **{
            f"reach_{minutes}": _lesser(cadence.reach(after, minutes), room) for minutes in CADENCES
        },
        **_line("ahead", trace.value, trace.value_after),
        **_line("behind", trace.value, trace.value_before),
    )
    trace = trace.mutate(
        ahead_cut=_lesser(trace.ahead, trace.ends - trace["at"]),
        behind_cut=_lesser(trace.behind, trace["at"] - trace.starts),
        **{
            f"lone_{minutes}": ibis.ifelse(trace.is_lone, trace[f"reach_{minutes}"], 0)
            for minutes in CADENCES
        },
        **{f"{line}_{name}": _beyond(trace, name, line) for line in _LINES for name in limits},
    )
    return trace.mutate(
        time=trace.ahead_cut + trace.behind_cut,
        **{
            f"time_{name}": _beyond_in_part(trace, name, "ahead")
            + _beyond_in_part(trace, name, "behind")
            for name in limits
        },
    )


def sums(trace: ir.Table, limits: Iterable[str] = LIMITS) -> dict[str, ir.Scalar]:
    """Return the aggregates of a part, of rows of `with_times`, that `measured` needs."""
    beyond = {name: _is_beyond(name, trace.value) for name in limits}
    return {
        **cadence.intervals(trace.elapsed),
        **{f"reach_{minutes}": trace[f"reach_{minutes}"].sum() for minutes in CADENCES},
        **{
            f"traced_{minutes}": (trace["time"] + trace[f"lone_{minutes}"]).sum()
            for minutes in CADENCES
        },
        **{
            f"time_{name}_{minutes}": (
                trace[f"time_{name}"] + ibis.ifelse(is_beyond, trace[f"lone_{minutes}"], 0) * _NANO
            ).sum()
            for name, is_beyond in beyond.items()
            for minutes in CADENCES
        },
    }


def measured(parts: ir.Table, limits: Iterable[str] = LIMITS) -> dict[str, ir.NumericColumn]:
    """Return `covered` and `traced`, in microseconds, and `minutes_<limit>`, from `sums`.

    `parts` has the `cadence` of each part.
    """
    return {
        "covered": cadence.at_cadence(parts, "reach"),
        "traced": cadence.at_cadence(parts, "traced"),
        **{
            f"minutes_{name}": cadence.at_cadence(parts, f"time_{name}").cast("float64")
            / float(MINUTE * _NANO)
            for name in limits
        },
    }


def _line(prefix: str, value: ir.IntegerColumn, other: ir.IntegerColumn) -> dict[str, ir.Column]:
    """Return the columns of the line between two values, of which `_beyond` is computed.

    Without an `other`, it stays where it is. `rise` is at least 1, so that it can divide.
    """
    other = other.fill_null(value)
    return {
        f"{prefix}_low": _lesser(value, other),
        f"{prefix}_high": _greater(value, other),
        f"{prefix}_rise": _greater((value - other).abs(), 1),
    }


def _beyond(lines: ir.Table, name: str, line: str) -> ir.IntegerColumn:
    """Return the nanoseconds that a line, uncut, spends beyond a limit."""
    limit, rise = LIMITS[name], lines[f"{line}_rise"]
    is_low = name.startswith("below")
    beyond = limit - lines[f"{line}_low"] if is_low else lines[f"{line}_high"] - limit
    share = _lesser(beyond, rise)
    time = lines[line] * _NANO * share // rise  # portable: ok it is at least 1
    return ibis.ifelse(beyond > 0, time, 0)


def _beyond_in_part(lines: ir.Table, name: str, line: str) -> ir.IntegerColumn:
    """Return the nanoseconds beyond a limit of a line that is cut at the other end."""
    beyond, cut = lines[f"{line}_{name}"], lines[f"{line}_cut"] * _NANO
    within = lines[line] * _NANO - beyond
    return ibis.cases(
        (lines[f"{line}_cut"] == lines[line], beyond),
        (_is_beyond(name, lines.value), _lesser(beyond, cut)),
        else_=_greater(cut - within, 0),
    )


def _is_beyond(name: str, value: ir.IntegerColumn) -> ir.BooleanColumn:
    limit = LIMITS[name]
    return value < limit if name.startswith("below") else value > limit


def _is_joined(elapsed: ir.IntegerColumn) -> ir.BooleanColumn:
    return (elapsed <= GAP * MINUTE).fill_null(False)


def _lesser(one: ir.NumericColumn, other: ir.NumericColumn | int) -> ir.NumericColumn:
    return ibis.least(one, other)  # portable: ok neither is null


def _greater(one: ir.NumericColumn, other: ir.NumericColumn | int) -> ir.NumericColumn:
    return ibis.greatest(one, other)  # portable: ok neither is null
