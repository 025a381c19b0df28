"""Cadence: how often a sensor measures, computed from the intervals between its readings."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import least

CADENCES = (1, 5, 15)
"""Minutes between two readings, for each kind of sensor that exists."""
_USUAL = 5
"""Minutes, where there are no intervals."""
_HALFWAY = {1: 3, 5: 10}
"""Minutes below which an interval is nearer to a cadence than to the next longer one."""
_COUNTS = ("intervals", "intervals_1", "intervals_5")


def intervals(minutes: ir.NumericColumn) -> dict[str, ir.IntegerScalar]:
    """Return the aggregates that `cadence` needs, of the minutes since the reading before."""
    return {
        "intervals": minutes.count(),
        **{
            f"intervals_{cadence}": (minutes < halfway).ifelse(1, 0).sum()
            for cadence, halfway in _HALFWAY.items()
        },
    }


def regroup(table: ir.Table) -> dict[str, ir.IntegerScalar]:
    """Return the same aggregates for groups of groups: their sums."""
    return {name: table[name].sum() for name in _COUNTS}


def cadence(table: ir.Table) -> ir.IntegerColumn:
    """Return the minutes between readings: the median interval as 1, 5 or 15; 5 without intervals.

    Counts of intervals are enough: the rounded (lower) median is the class that holds it.
    """
    *shorter, longest = CADENCES
    return ibis.cases(
        (table["intervals"] == 0, _USUAL),
        *(
            (2 * table[f"intervals_{minutes}"] >= table["intervals"], minutes)
            for minutes in shorter
        ),
        else_=longest,
    ).cast("int32")


def at_cadence(table: ir.Table, name: str) -> ir.NumericColumn:
    """Return the value of the column `<name>_<cadence>`, by the `cadence` of each row."""
    return ibis.cases(
        *((table["cadence"] == minutes, table[f"{name}_{minutes}"]) for minutes in CADENCES)
    )


def coverage(
    readings: ir.IntegerColumn, minutes: ir.NumericColumn, cadence: ir.IntegerColumn
) -> ir.FloatingColumn:
    """Return the percentage of the readings that a sensor gives in `minutes`, 100 at most."""
    received = 100.0 * readings.cast("float64") * cadence.cast("float64")
    return least(received / minutes.cast("float64"), 100.0)
