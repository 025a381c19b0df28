"""Checks that alert people of glucose now. No medical device: decide no treatment by it.

A check looks at the newest reading of each person, if it is of the last hour; that no readings come
is reported by `freshness_hours` of the source. Limits are those of the consensus on time in range
and of common sensors.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse import quality
from lakehouse.expressions import microseconds
from models.cadence import MINUTE
from models.units import MMOL_L, mmol_text

URGENT_LOW = 54
LOW = 70
HIGH = 250
"""mg/dL; a value equal to a limit is not beyond it."""
FALL = -3.0
"""mg/dL a minute, from which on sensors show two arrows down."""
RECENT = ibis.interval(hours=1)
"""Age of a reading, at most, that says something about the present."""
SHORTEST = 3
LONGEST = 15
"""Minutes between two readings, at least and at most, for which a rate is given."""

_TABLE = "silver.fct_glucose_readings"


@quality(table=_TABLE, blocking=False, lookback="1h")
def glucose_is_not_urgently_low(fct_glucose_readings: ir.Table, sites: ir.Table) -> ir.Table:
    """Nobody's glucose is urgently low."""
    newest = _newest(fct_glucose_readings)
    return _with_message(newest.filter(newest.glucose_mg_dl < URGENT_LOW), sites, "URGENT LOW")


@quality(table=_TABLE, blocking=False, lookback="1h")
def glucose_is_not_low(fct_glucose_readings: ir.Table, sites: ir.Table) -> ir.Table:
    """Nobody's glucose is low."""
    newest = _newest(fct_glucose_readings)
    return _with_message(newest.filter(newest.glucose_mg_dl < LOW), sites, "low")


@quality(table=_TABLE, blocking=False, lookback="1h")
def glucose_is_not_high(fct_glucose_readings: ir.Table, sites: ir.Table) -> ir.Table:
    """Nobody's glucose is high."""
    newest = _newest(fct_glucose_readings)
    return _with_message(newest.filter(newest.glucose_mg_dl > HIGH), sites, "high")


@quality(table=_TABLE, blocking=False, lookback="1h")
def glucose_does_not_fall_rapidly(fct_glucose_readings: ir.Table, sites: ir.Table) -> ir.Table:
    """Nobody's glucose falls rapidly."""
    newest = _newest(fct_glucose_readings)
    return _with_message(newest.filter(newest.rate <= FALL), sites, "falling rapidly")


def _newest(readings: ir.Table) -> ir.Table:
    """Return the newest reading of each person, if it is of the last hour, with its `rate`.

    The rate, in mg/dL a minute, goes back to the last reading that is `SHORTEST` before it, so that
    a sensor that measures every minute has one too; null after more than `LONGEST`.
    """
    now = ibis.now()  # portable: ok an alert is about now
    since = now - RECENT - ibis.interval(minutes=LONGEST)
    near = readings.filter(readings.reading_timestamp.between(since, now))
    near = near.mutate(at=microseconds(near.reading_timestamp))
    before = ibis.range_window(
        group_by="site", order_by="at", preceding=(LONGEST * MINUTE, SHORTEST * MINUTE)
    )
    order = ibis.window(group_by="site", order_by=[near["at"].desc(), "entry_id"])
    near = near.mutate(  # portable: ok a site has one reading at a moment
        place=ibis.row_number().over(order),
        last_at=near["at"].max().over(before),
        last=near.glucose_mg_dl.last().over(before),
    )
    newest = near.filter(near.place == 0, near.reading_timestamp >= now - RECENT)
    minutes = (newest["at"] - newest.last_at) / MINUTE
    return newest.mutate(rate=(newest.glucose_mg_dl - newest["last"]) / minutes)


def _with_message(readings: ir.Table, sites: ir.Table, problem: str) -> ir.Table:
    """Return the readings, with a `message` that tells people what is wrong, in their units."""
    units = sites.select("site", "units")
    readings = readings.left_join(units, "site").drop("site_right")
    is_mmol = (readings.units == MMOL_L).fill_null(False)
    unit = ibis.ifelse(is_mmol, MMOL_L, "mg/dL")
    glucose = ibis.ifelse(
        is_mmol, mmol_text(readings.glucose_mg_dl), readings.glucose_mg_dl.cast("string")
    )
    rate = readings.rate
    whole_rate = rate.round().cast("int32").cast("string")
    rate = ibis.ifelse(is_mmol, mmol_text(rate), whole_rate).fill_null("?")
    at = readings.local_timestamp
    clock = _two_digits(at.hour()) + ":" + _two_digits(at.minute())
    what = readings.site + f": {problem}, " + glucose + " " + unit + " at " + clock
    return readings.select(
        "site",
        "reading_timestamp",
        "local_timestamp",
        "glucose_mg_dl",
        message=what + ", " + rate + " " + unit + " a minute",
    )


def _two_digits(number: ir.IntegerValue) -> ir.StringValue:
    return number.cast("string").lpad(2, "0")
