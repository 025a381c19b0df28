"""How often a sensor measures, told from the intervals between its readings."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import least

CADENCES = (1, 5, 15)
"""Minutes between two readings of the sensors there are."""
_USUAL = 5
_HALFWAY = {1: 3, 5: 10}
"""Below so many minutes, an interval is nearer to this cadence than to the next longer one."""
_COUNTS = ("intervals", "intervals_1", "intervals_5")


def intervals(minutes: ir.NumericColumn) -> dict[str, ir.IntegerScalar]:
    """Aggregates that `cadence` needs of the minutes since the reading before; nulls pass."""
    return {
        "intervals": minutes.count(),
        **{
            f"intervals_{cadence}": (minutes < halfway).ifelse(1, 0).sum()
            for cadence, halfway in _HALFWAY.items()
        },
    }


def regroup(table: ir.Table) -> dict[str, ir.IntegerScalar]:
    """The same aggregates, for groups of groups."""
    return {name: table[name].sum() for name in _COUNTS}


def cadence(table: ir.Table) -> ir.IntegerColumn:
    """Minutes between readings: the median interval, rounded to 1, 5 or 15; 5 where there is none.

    Rounding the (lower) median is finding the class that holds it, so counts are enough.
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
    """Of the columns `<name>_1`, `<name>_5` and `<name>_15`, the one of the row's `cadence`."""
    return ibis.cases(
        *((table["cadence"] == minutes, table[f"{name}_{minutes}"]) for minutes in CADENCES)
    )


def coverage(
    readings: ir.IntegerColumn, minutes: ir.NumericColumn, cadence: ir.IntegerColumn
) -> ir.FloatingColumn:
    """Percent of the readings that a sensor gives in so many minutes, 100 at most."""
    received = 100.0 * readings.cast("float64") * cadence.cast("float64")
    return least(received / minutes.cast("float64"), 100.0)
