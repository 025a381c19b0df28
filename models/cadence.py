"""Cadence: how often a sensor measures, and the time that each of its readings stands for.

Times between readings are whole microseconds, so that sums are exact in any order on any engine.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

MINUTE = 60_000_000
"""Microseconds."""
DAY = 24 * 60 * MINUTE
"""Microseconds of a UTC day."""
CADENCES = (1, 5, 15)
"""Minutes between two readings, for each kind of sensor that exists."""
GAP = 45
"""Minutes between two readings, above which nothing is known of the time between them."""
_USUAL = 5
"""Minutes, where there are no intervals."""
_HALFWAY = {1: 3, 5: 10}
"""Minutes below which an interval is nearer to a cadence than to the next longer one."""
_SUMS = ("elapsed", "elapsed_1", "elapsed_5")


def intervals(elapsed: ir.IntegerColumn) -> dict[str, ir.IntegerScalar]:
    """Return the aggregates that `cadence` needs, of the microseconds between two readings.

    They are the time in intervals of 45 minutes at most, and in those nearest to a cadence or to a
    shorter one. Null is no interval.
    """
    return {
        "elapsed": _time_in(elapsed, elapsed <= GAP * MINUTE),
        **{
            f"elapsed_{cadence}": _time_in(elapsed, elapsed < halfway * MINUTE)
            for cadence, halfway in _HALFWAY.items()
        },
    }


def _time_in(elapsed: ir.IntegerColumn, is_meant: ir.BooleanColumn) -> ir.IntegerScalar:
    return ibis.ifelse(is_meant, elapsed, 0).fill_null(0).sum()


def regroup(table: ir.Table) -> dict[str, ir.IntegerScalar]:
    """Return the same aggregates for groups of groups: their sums."""
    return {name: table[name].sum() for name in _SUMS}


def cadence(table: ir.Table) -> ir.IntegerColumn:
    """Return the minutes between readings, 1, 5 or 15; 5 without intervals.

    It is the median interval, weighted by elapsed time, to the nearest of the three. Half of the
    time lies in intervals no longer than it, so that scans between the readings of a slow sensor do
    not make it a fast one. Times in classes are enough: the median's class is the answer.
    """
    *shorter, longest = CADENCES
    return ibis.cases(
        (table["elapsed"] == 0, _USUAL),
        *((2 * table[f"elapsed_{minutes}"] >= table["elapsed"], minutes) for minutes in shorter),
        else_=longest,
    ).cast("int64")


def at_cadence(table: ir.Table, name: str) -> ir.NumericColumn:
    """Return the value of the column `<name>_<cadence>`, by the `cadence` of each row."""
    return ibis.cases(
        *((table["cadence"] == minutes, table[f"{name}_{minutes}"]) for minutes in CADENCES)
    )


def reach(elapsed: ir.IntegerColumn, cadence: ir.IntegerColumn | int) -> ir.IntegerColumn:
    """Return the microseconds that a reading stands for, `elapsed` before the next one.

    That is the time to the next reading, if it is at most one and a half of the cadence in minutes,
    else one cadence. `elapsed` is null if no reading follows.
    """
    one = cadence * MINUTE
    return ibis.ifelse((2 * elapsed <= 3 * one).fill_null(False), elapsed, one)


def reaches(elapsed: ir.IntegerColumn, where: ir.BooleanColumn) -> dict[str, ir.IntegerScalar]:
    """Return the summed reach of readings, in columns `reach_<cadence>` for `at_cadence`."""
    return {
        f"reach_{minutes}": ibis.ifelse(where, reach(elapsed, minutes), 0).sum()
        for minutes in CADENCES
    }


def regroup_reaches(table: ir.Table) -> dict[str, ir.IntegerScalar]:
    """Return the same aggregates for groups of groups: their sums."""
    return {f"reach_{minutes}": table[f"reach_{minutes}"].sum() for minutes in CADENCES}


def coverage(covered: ir.IntegerColumn, span: ir.IntegerColumn) -> ir.FloatingColumn:
    """Return the percentage of a span that readings cover, from microseconds."""
    return 100.0 * covered.cast("float64") / span.cast("float64")
