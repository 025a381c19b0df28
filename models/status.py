"""The status of a day, which says whether it needs attention.

It is computed from minutes, so that duplicates and fast sensors do not count more: a reading stands
for the minutes since the one before, at most for the day's cadence.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from models.cadence import CADENCES, at_cadence
from models.metrics import LOW, VERY_HIGH

LOW_MINUTES = 15
"""Minutes below 70 mg/dL above which a day is critical."""
HIGH_MINUTES = 25
"""Minutes above 250 mg/dL above which a day is an alert."""


def minutes_beyond(readings: ir.Table) -> dict[str, ir.IntegerScalar]:
    """Return the aggregates that the functions below need: seconds beyond a limit, by cadence."""
    sides = {
        "low": readings.glucose_mg_dl < LOW,
        "high": readings.glucose_mg_dl > VERY_HIGH,
    }
    seconds = (readings.minutes_since_last_reading * 60).round().cast("int64")
    return {
        f"{side}_{minutes}": ibis.ifelse(
            beyond, ibis.least(seconds.fill_null(minutes * 60), minutes * 60), 0
        ).sum()
        for side, beyond in sides.items()
        for minutes in CADENCES
    }


def day_status(days: ir.Table) -> ir.StringColumn:
    """Return CRITICAL, ALERT or OK, the first of them that applies."""
    return ibis.cases((_critical(days), "CRITICAL"), (_alert(days), "ALERT"), else_="OK")


def status_reasons(days: ir.Table) -> ir.StringColumn:
    """Return all reasons of the status, in words; empty for OK."""
    low = f"more than {LOW_MINUTES} minutes below {LOW} mg/dL"
    high = f"more than {HIGH_MINUTES} minutes above {VERY_HIGH} mg/dL"
    critical, alert = _critical(days), _alert(days)
    return ibis.cases(
        (critical & alert, f"{low}; {high}"), (critical, low), (alert, high), else_=""
    )


def _critical(days: ir.Table) -> ir.BooleanColumn:
    return at_cadence(days, "low") > LOW_MINUTES * 60


def _alert(days: ir.Table) -> ir.BooleanColumn:
    return at_cadence(days, "high") > HIGH_MINUTES * 60
