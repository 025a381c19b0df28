"""The time of a trace: how much of a day or night it covers, and how long it is beyond limits.

A trace is read as for episodes: straight between two readings, and split where more than 45 minutes
lie between them. So missed readings do not shorten the time beyond a limit, and doubled ones do not
lengthen it. A reading with nothing on either side, a lone one, stands for one cadence.

Everything is a whole number, so that sums are the same in any order on any engine: moments are
microseconds, times beyond a limit nanoseconds, each rounded down.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import least, microseconds
from models import cadence, metrics
from models.cadence import GAP, MINUTE

LIMITS = {
    "below_54": metrics.VERY_LOW,
    "below_70": metrics.LOW,
    "above_180": metrics.HIGH,
    "above_250": metrics.VERY_HIGH,
}
"""Limits in mg/dL by the names of the times beyond them; the limit itself is not beyond."""
_NANO = 1000
"""Nanoseconds in a microsecond."""

_STEPS = ("first_", "last_", "time_", "lone", "reach_", "elapsed")
"""What the names of columns start with of which the figures of a part are computed."""


def with_neighbours(readings: ir.Table, part: ir.Column) -> ir.Table:
    """Add `at`, the `part` a reading belongs to, and the readings before and after it.

    A part is a day or a night; null for neither. Readings of no part are left out afterwards, as
    they may be neighbours. `inside` says that the next reading is of the same part, `leads` that
    none before it is, and `lone` that none is within 45 minutes. `span` is the time to the next
    reading, 0 if that is of another part or the trace is split before it.
    """
    order = ibis.window(group_by="site", order_by="reading_timestamp")
    trace = readings.mutate(
        at=microseconds(readings.reading_timestamp), part=part, value=readings.glucose_mg_dl
    )
    beside: dict[str, ir.Column] = {}
    for name in ("at", "part", "value"):
        before, after = (  # portable: ok a site has one reading at a moment
            way.over(order) for way in (trace[name].lag(), trace[name].lead())
        )
        beside |= {f"{name}_before": before, f"{name}_after": after}
    trace = trace.mutate(**beside)
    trace = trace.filter(trace.part.notnull())
    trace = trace.mutate(
        elapsed=trace.at_after - trace["at"],
        inside=(trace.part_after == trace.part).fill_null(False),
        leads=(trace.part_before != trace.part).fill_null(True),
        lone=~(_joined(trace.at_before, trace["at"]) | _joined(trace["at"], trace.at_after)),
    )
    return trace.mutate(
        span=ibis.ifelse(trace.inside, _span(trace["at"], trace.at_after), 0),
        **_line("", trace.value, trace.value_after),
    )


def sums(trace: ir.Table) -> dict[str, ir.Scalar]:
    """Return the aggregates of a part, of rows of `with_neighbours`, that `measured` needs.

    What reaches over the edges of the part is left to `measured`: the first and the last reading
    and their neighbours on the other side are kept for it.
    """
    lone = trace.lone & trace.inside
    edges = {"first": (trace.leads, "before"), "last": (~trace.inside, "after")}
    return {
        **cadence.intervals(ibis.ifelse(trace.inside, trace.elapsed, None)),
        **cadence.reaches(trace.elapsed, where=trace.inside),
        "traced": trace["span"].sum(),
        "lone": _count(lone),
        **{f"time_{name}": _beyond(trace, name).sum() for name in LIMITS},
        **{f"lone_{name}": _count(lone & _is_beyond(name, trace.value)) for name in LIMITS},
        "last_is_lone": _count(trace.lone & ~trace.inside),
        **{
            f"{edge}_{kept}": ibis.ifelse(is_edge, trace[column], None).max()
            for edge, (is_edge, side) in edges.items()
            for kept, column in {
                "at": "at",
                "value": "value",
                "other_at": f"at_{side}",
                "other_value": f"value_{side}",
            }.items()
        },
    }


def measured(parts: ir.Table) -> ir.Table:
    """Add `covered` and `traced`, in microseconds, and `minutes_<limit>` for each of `LIMITS`.

    `parts` has the aggregates `sums`, which are left out, and `starts` and `ends` of the part;
    `cadence` is added.
    """
    parts = parts.mutate(
        cadence=cadence.cadence(parts),
        first_room=parts.first_at - parts.starts,
        last_room=parts.ends - parts.last_at,
        first_span=_span(parts.first_other_at, parts.first_at),
        last_span=_span(parts.last_at, parts.last_other_at),
        **_line("first_", parts.first_value, parts.first_other_value),
        **_line("last_", parts.last_value, parts.last_other_value),
    )
    one, elapsed = parts.cadence * MINUTE, parts.last_other_at - parts.last_at
    parts = parts.mutate(
        covered=cadence.at_cadence(parts, "reach")
        + least(cadence.reach(elapsed, parts.cadence), parts.last_room),
        lone_time=parts.lone * one,
        lone_last=parts.last_is_lone * least(one, parts.last_room),
        # The trace enters from the reading before, and leaves towards the one after.
        first_stays=_lesser(parts.first_span, parts.first_room),
        last_stays=_lesser(parts.last_span, parts.last_room),
        **{
            f"{edge}_{name}": _beyond(parts, name, f"{edge}_")
            for edge in ("first", "last")
            for name in LIMITS
        },
    )
    inside = parts.traced + parts.first_stays + parts.last_stays
    parts = parts.mutate(
        traced=inside + parts.lone_time + parts.lone_last,
        **{f"minutes_{name}": _minutes(parts, name) for name in LIMITS},
    )
    # Engines plan a query longer the more columns it passes on.
    return parts.select(name for name in parts.columns if not name.startswith(_STEPS))


def _minutes(parts: ir.Table, name: str) -> ir.FloatingColumn:
    """Return the minutes beyond a limit within each part."""
    lone_last = ibis.ifelse(_is_beyond(name, parts.last_value), parts.lone_last, 0)
    total = (
        parts[f"time_{name}"]
        + _beyond_at_edge(parts, name, "first")
        + _beyond_at_edge(parts, name, "last")
        + (parts[f"lone_{name}"] * parts["cadence"] * MINUTE + lone_last) * _NANO
    )
    return total.cast("float64") / float(MINUTE * _NANO)


def _beyond_at_edge(parts: ir.Table, name: str, edge: str) -> ir.IntegerColumn:
    """Return the nanoseconds beyond a limit from the edge of a part to the reading next to it."""
    beyond, stays = parts[f"{edge}_{name}"], parts[f"{edge}_stays"] * _NANO
    within = parts[f"{edge}_span"] * _NANO - beyond
    return ibis.ifelse(
        _is_beyond(name, parts[f"{edge}_value"]),
        _lesser(beyond, stays),
        _greater(stays - within, 0),
    )


def _line(prefix: str, value: ir.IntegerColumn, other: ir.IntegerColumn) -> dict[str, ir.Column]:
    """Return the columns of the line between two values, of which `_beyond` is computed.

    Without an `other`, it stays where it is. `rise` is at least 1, so that it can divide.
    """
    other = other.fill_null(value)
    return {
        f"{prefix}low": _lesser(value, other),
        f"{prefix}high": _greater(value, other),
        f"{prefix}rise": _greater((value - other).abs(), 1),
    }


def _beyond(lines: ir.Table, name: str, prefix: str = "") -> ir.IntegerColumn:
    """Return the nanoseconds that a line spends beyond a limit, of all those of its `span`."""
    limit, rise = LIMITS[name], lines[f"{prefix}rise"]
    is_low = name.startswith("below")
    beyond = limit - lines[f"{prefix}low"] if is_low else lines[f"{prefix}high"] - limit
    share = _greater(_lesser(beyond, rise), 0)
    return lines[f"{prefix}span"] * _NANO * share // rise  # portable: ok it is at least 1


def _is_beyond(name: str, value: ir.IntegerColumn) -> ir.BooleanColumn:
    limit = LIMITS[name]
    return value < limit if name.startswith("below") else value > limit


def _joined(at: ir.IntegerColumn, after: ir.IntegerColumn) -> ir.BooleanColumn:
    return (after - at <= GAP * MINUTE).fill_null(False)


def _span(at: ir.IntegerColumn, after: ir.IntegerColumn) -> ir.IntegerColumn:
    """Return the microseconds between two readings; 0 if the trace is split between them."""
    return ibis.ifelse(_joined(at, after), after - at, 0)


def _lesser(one: ir.NumericColumn, other: ir.NumericColumn | int) -> ir.NumericColumn:
    return ibis.least(one, other)  # portable: ok neither is null


def _greater(one: ir.NumericColumn, other: ir.NumericColumn | int) -> ir.NumericColumn:
    return ibis.greatest(one, other)  # portable: ok neither is null


def _count(condition: ir.BooleanColumn) -> ir.IntegerScalar:
    return ibis.ifelse(condition, 1, 0).cast("int64").sum()
