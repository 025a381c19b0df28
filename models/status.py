"""Whether a day needs attention: by minutes, so that duplicates and fast sensors do not count more.

A reading stands for the minutes since the one before, at most the day's cadence.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from models.cadence import CADENCES, at_cadence
from models.metrics import LOW, VERY_HIGH

LOW_MINUTES = 15
"""More than so many minutes below 70 mg/dL are critical."""
HIGH_MINUTES = 25
"""More than so many minutes above 250 mg/dL raise an alert."""


def minutes_beyond(readings: ir.Table) -> dict[str, ir.IntegerScalar]:
    """Aggregates that the functions below need, in seconds, at each cadence."""
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
    """CRITICAL, ALERT or OK: the gravest that applies."""
    return ibis.cases((_critical(days), "CRITICAL"), (_alert(days), "ALERT"), else_="OK")


def status_reasons(days: ir.Table) -> ir.StringColumn:
    """All that applies, in words; empty for nothing."""
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
