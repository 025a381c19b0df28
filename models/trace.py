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

from lakehouse.expressions import greatest, least, microseconds
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


def with_neighbours(readings: ir.Table, part: ir.Column) -> ir.Table:
    """Add `at`, the `part` a reading belongs to, and both of the readings before and after it.

    A part is a day or a night; null for neither. Readings of no part are left out afterwards, as
    they may be neighbours. `inside` says that the next reading is of the same part, `leads` that
    none before it is, and `lone` that none is within 45 minutes.
    """
    order = ibis.window(group_by="site", order_by="reading_timestamp")
    trace = readings.mutate(
        at=microseconds(readings.reading_timestamp), part=part, value=readings.glucose_mg_dl
    )
    beside = {}
    for name in ("at", "part", "value"):  # portable: ok a site has one reading at a moment
        beside[f"{name}_before"] = trace[name].lag().over(order)
        beside[f"{name}_after"] = trace[name].lead().over(order)
    trace = trace.mutate(**beside)
    trace = trace.filter(trace.part.notnull())
    return trace.mutate(
        elapsed=trace.at_after - trace["at"],
        inside=(trace.part_after == trace.part).fill_null(False),
        leads=(trace.part_before != trace.part).fill_null(True),
        lone=~(_joined(trace.at_before, trace["at"]) | _joined(trace["at"], trace.at_after)),
    )


def sums(trace: ir.Table) -> dict[str, ir.Scalar]:
    """Return the aggregates of a part, of rows of `with_neighbours`, that `measured` needs.

    What reaches over the edges of the part is left to `measured`: the first and the last reading
    and their neighbours on the other side are kept for it.
    """
    span = ibis.ifelse(trace.inside & (trace.elapsed <= GAP * MINUTE), trace.elapsed, 0)
    after, lone = trace.value_after.fill_null(trace.value), trace.lone & trace.inside
    edges = {"last": ~trace.inside, "first": trace.leads}
    others = {"last": "after", "first": "before"}
    return {
        **cadence.intervals(ibis.ifelse(trace.inside, trace.elapsed, None)),
        **cadence.reaches(trace.elapsed, where=trace.inside),
        "traced": span.sum(),
        "lone": _count(lone),
        **{f"time_{name}": _beyond(name, trace.value, after, span).sum() for name in LIMITS},
        **{f"lone_{name}": _count(lone & _is_beyond(name, trace.value)) for name in LIMITS},
        "last_is_lone": _count(trace.lone & ~trace.inside),
        **{
            f"{edge}_{side}": ibis.ifelse(is_edge, trace[column], None).max()
            for edge, is_edge in edges.items()
            for side, column in {
                "at": "at",
                "value": "value",
                "other_at": f"at_{others[edge]}",
                "other_value": f"value_{others[edge]}",
            }.items()
        },
    }


def measured(parts: ir.Table) -> ir.Table:
    """Add `covered` and `traced`, in microseconds, and `minutes_<limit>` for each of `LIMITS`.

    `parts` has the aggregates `sums`, and `starts` and `ends` of the part; `cadence` is added.
    """
    parts = parts.mutate(cadence=cadence.cadence(parts))
    left = parts.ends - parts.last_at
    elapsed = parts.last_other_at - parts.last_at
    parts = parts.mutate(
        one=parts.cadence * MINUTE,
        covered=cadence.at_cadence(parts, "reach")
        + least(cadence.reach(elapsed, parts.cadence), left),
        # The trace enters from the reading before, and leaves towards the one after.
        enters=_span(parts.first_other_at, parts.first_at),
        outside=greatest(parts.starts - parts.first_other_at, 0).fill_null(0),
        leaves=_span(parts.last_at, parts.last_other_at),
        left=left,
    )
    parts = parts.mutate(
        outside=ibis.ifelse(parts.enters > 0, parts.outside, 0),
        stays=least(parts.leaves, parts.left),
        lone_last=parts.last_is_lone * least(parts.one, parts.left),
    )
    traced = parts.traced + parts.enters - parts.outside + parts.stays
    return parts.mutate(
        traced=traced + parts.lone * parts.one + parts.lone_last,
        **{f"minutes_{name}": _minutes(parts, name) for name in LIMITS},
    )


def _minutes(parts: ir.Table, name: str) -> ir.FloatingColumn:
    """Return the minutes beyond a limit within each part."""
    before, first = parts.first_other_value.fill_null(parts.first_value), parts.first_value
    last, after = parts.last_value, parts.last_other_value.fill_null(parts.last_value)
    entering = _beyond(name, before, first, parts.enters)
    leaving = _beyond(name, last, after, parts.leaves)
    lone_last = ibis.ifelse(_is_beyond(name, last), parts.lone_last, 0)
    total = (
        parts[f"time_{name}"]
        + (entering - _up_to(parts.outside, name, before, parts.enters, entering))
        + _up_to(parts.stays, name, last, parts.leaves, leaving)
        + (parts[f"lone_{name}"] * parts.one + lone_last) * _NANO
    )
    return total.cast("float64") / float(MINUTE * _NANO)


def _up_to(
    end: ir.IntegerColumn,
    name: str,
    value: ir.IntegerColumn,
    span: ir.IntegerColumn,
    beyond: ir.IntegerColumn,
) -> ir.IntegerColumn:
    """Return how much of the time `beyond` a limit lies before `end`, of a straight line.

    The line starts at `value`; `end` and `span` are microseconds after its start.
    """
    within = (span * _NANO) - beyond
    return ibis.ifelse(
        _is_beyond(name, value),
        least(beyond, end * _NANO),
        greatest(end * _NANO - within, 0),
    )


def _beyond(
    name: str, value: ir.IntegerColumn, after: ir.IntegerColumn, span: ir.IntegerColumn
) -> ir.IntegerColumn:
    """Return the nanoseconds beyond a limit of a line from `value` to `after` in `span`."""
    limit = LIMITS[name]
    low, high = least(value, after), greatest(value, after)
    beyond = limit - low if name.startswith("below") else high - limit
    part = (span * _NANO * beyond) // (high - low).nullif(0)
    both = _is_beyond(name, value) & _is_beyond(name, after)
    return ibis.cases((both, span * _NANO), (beyond <= 0, 0), else_=part)


def _is_beyond(name: str, value: ir.IntegerColumn) -> ir.BooleanColumn:
    limit = LIMITS[name]
    return value < limit if name.startswith("below") else value > limit


def _joined(at: ir.IntegerColumn, after: ir.IntegerColumn) -> ir.BooleanColumn:
    return (after - at <= GAP * MINUTE).fill_null(False)


def _span(at: ir.IntegerColumn, after: ir.IntegerColumn) -> ir.IntegerColumn:
    """Return the microseconds between two readings; 0 if the trace is split between them."""
    return ibis.ifelse(_joined(at, after), after - at, 0)


def _count(condition: ir.BooleanColumn) -> ir.IntegerScalar:
    return ibis.ifelse(condition, 1, 0).cast("int64").sum()
