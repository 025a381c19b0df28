"""Glucose metrics as functions of columns and numbers, in mg/dL and percent (0 to 100).

Glucose is a whole number, so means and deviations come from exact integer sums: every engine, order
and parallelism gives the same figure. Nothing is rounded here.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import greatest, least

VERY_LOW = 54
LOW = 70
TIGHT = 140
HIGH = 180
VERY_HIGH = 250
"""Very low < 54 <= low < 70 <= in range <= 180 < high <= 250 < very high (Battelino 2019)."""

STABLE_CV = 36
"""Percent of variation above which glucose is called unstable (Battelino 2019)."""
SUFFICIENT = 70
"""Percent of the expected readings that a summary needs to speak for its time (Battelino 2019)."""

CATEGORIES = ("hypoglycemia", "in_range", "hyperglycemia_mild", "hyperglycemia_severe")
BANDS = ("very_low", "low", "in_range", "high", "very_high")
RANGES = ("in_range", "in_tight_range", "below_54", "below_70", "above_180", "above_250")
"""Ranges of the columns `percent_*`; `below_70` includes `below_54`, and so on."""
ZONES = {"A": 20, "B": 40, "C": 60, "D": 80, "E": 100}
"""Highest index in each zone of the glycemia risk index."""


def category(glucose: ir.NumericColumn) -> ir.StringColumn:
    """Return one of four categories: below, in, above and far above the range."""
    below, inside, mild, severe = CATEGORIES
    return ibis.cases(
        (glucose < LOW, below),
        (glucose <= HIGH, inside),
        (glucose <= VERY_HIGH, mild),
        else_=severe,
    )


def band(glucose: ir.NumericColumn) -> ir.StringColumn:
    """Return one of the five ranges of the consensus (Battelino 2019)."""
    very_low, low, inside, high, very_high = BANDS
    return ibis.cases(
        (glucose < VERY_LOW, very_low),
        (glucose < LOW, low),
        (glucose <= HIGH, inside),
        (glucose <= VERY_HIGH, high),
        else_=very_high,
    )


def in_range(glucose: ir.NumericColumn) -> ir.BooleanColumn:
    """Return whether glucose is in range."""
    return glucose.between(LOW, HIGH)


def ranges(glucose: ir.NumericColumn) -> dict[str, ir.BooleanColumn]:
    """Return whether glucose is in each of `RANGES`."""
    inside = (
        in_range(glucose),
        glucose.between(LOW, TIGHT),
        glucose < VERY_LOW,
        glucose < LOW,
        glucose > HIGH,
        glucose > VERY_HIGH,
    )
    return dict(zip(RANGES, inside, strict=True))


def sums(
    glucose: ir.IntegerColumn, times: ir.IntegerColumn | None = None
) -> dict[str, ir.IntegerScalar]:
    """Return the whole-number aggregates from which the functions below compute.

    `times` is the number of readings that a row stands for, by default one.
    """

    def total(value: ir.IntegerColumn) -> ir.IntegerScalar:
        return (value if times is None else value * times).sum()

    value = glucose.cast("int64")
    return {
        "readings": value.count() if times is None else times.sum(),
        "total": total(value),
        "squares": total(value * value),
        **{
            f"readings_{name}": total(inside.cast("int64"))
            for name, inside in ranges(glucose).items()
        },
    }


def percentages(table: ir.Table, names: Sequence[str] = RANGES) -> dict[str, ir.FloatingColumn]:
    """Return columns `percent_*` with the shares of the named ranges, from `sums`."""
    return {f"percent_{name}": percent(table[f"readings_{name}"], table.readings) for name in names}


def counts(table: ir.Table, names: Sequence[str] = RANGES) -> dict[str, ir.IntegerColumn]:
    """Return columns `readings_*`, the readings in the named ranges, from `sums`.

    Shares of several rows are their sum by that of all readings: no mean of `percent_*` is.
    """
    return {f"readings_{name}": table[f"readings_{name}"] for name in names}


def percent(part: ir.IntegerColumn, whole: ir.IntegerColumn) -> ir.FloatingColumn:
    """Return `part` in percent of `whole`; null if `whole` is 0."""
    return 100.0 * part.cast("float64") / whole.cast("float64").nullif(0.0)


def mean(table: ir.Table) -> ir.FloatingColumn:
    """Return the mean glucose in mg/dL, from `sums`."""
    return table.total.cast("float64") / table.readings.cast("float64").nullif(0.0)


def stddev(table: ir.Table) -> ir.FloatingColumn:
    """Return the sample standard deviation in mg/dL, from `sums`; null below two readings."""
    count, total, squares = (
        table[name].cast("float64") for name in ("readings", "total", "squares")
    )
    deviation = greatest(squares - total * total / count.nullif(0.0), 0.0)
    return (deviation / ibis.ifelse(count > 1, count - 1, None)).sqrt()


def cv(mean: ir.FloatingColumn, stddev: ir.FloatingColumn) -> ir.FloatingColumn:
    """Return the coefficient of variation in percent."""
    return 100.0 * stddev / mean


def gmi(mean: ir.FloatingColumn) -> ir.FloatingColumn:
    """Return the glucose management indicator in percent, for 14 days or more (Bergenstal 2018)."""
    return 3.31 + 0.02392 * mean


def ea1c(mean: ir.FloatingColumn) -> ir.FloatingColumn:
    """Return the estimated A1c in percent (Nathan 2008)."""
    return (mean + 46.7) / 28.7


def j_index(mean: ir.FloatingColumn, stddev: ir.FloatingColumn) -> ir.FloatingColumn:
    """Return the J-index, from mean and deviation in mg/dL (Wojcicki 1995)."""
    return 0.001 * (mean + stddev) * (mean + stddev)


def gri(table: ir.Table) -> ir.FloatingColumn:
    """Return the glycemia risk index, 0 (best) to 100, from `sums` (Klonoff 2022)."""
    return least(_gri_points(table).cast("float64") / table.readings.cast("float64"), 100.0)


def gri_zone(table: ir.Table) -> ir.StringColumn:
    """Return the zone of the glycemia risk index, A (up to 20) to E (over 80), from `sums`.

    Whole numbers are compared: an index of exactly 40 is in B, also where a float is above it.
    """
    points = _gri_points(table)
    *others, last = ZONES
    return ibis.cases(
        *((points <= ZONES[zone] * table.readings, zone) for zone in others), else_=last
    )


def _gri_points(table: ir.Table) -> ir.IntegerColumn:
    """Return the index times the number of readings, a whole number."""
    low = table.readings_below_70 - table.readings_below_54
    high = table.readings_above_180 - table.readings_above_250
    return 300 * table.readings_below_54 + 240 * low + 160 * table.readings_above_250 + 80 * high


def low_risk(glucose: ir.NumericColumn) -> ir.FloatingColumn:
    """Return a reading's contribution to the low blood glucose index (Kovatchev 2006)."""
    return _risk(least(_symmetric(glucose), 0.0))


def high_risk(glucose: ir.NumericColumn) -> ir.FloatingColumn:
    """Return a reading's contribution to the high blood glucose index (Kovatchev 2006)."""
    return _risk(greatest(_symmetric(glucose), 0.0))


def _risk(symmetric: ir.FloatingColumn) -> ir.FloatingColumn:
    return 10.0 * symmetric * symmetric


def _symmetric(glucose: ir.NumericColumn) -> ir.FloatingColumn:
    """Return glucose on a scale on which 112.5 mg/dL is 0, and 20 and 600 are equally far."""
    return 1.509 * (glucose.cast("float64").ln() ** 1.084 - 5.381)
