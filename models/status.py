"""The status of a day, which says whether it needs attention.

It is computed from the time of the trace, so that missed readings, duplicates and fast sensors
neither inflate nor hide anything. An episode that lies within the day counts as well: episodes are
read every five minutes, and may be a little longer than that time.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import greatest
from models.cadence import MINUTE
from models.metrics import LOW, VERY_HIGH
from models.trace import LIMITS

LOW_MINUTES = 15
"""Minutes below 70 mg/dL above which a day is critical."""
HIGH_MINUTES = 25
"""Minutes above 250 mg/dL above which a day is an alert."""
STATUSES = ("OK", "ALERT", "CRITICAL")
APART = 5
"""Points of percent between a share of readings and of time, above which a day says so."""


def day_status(days: ir.Table) -> ir.StringColumn:
    """Return CRITICAL, ALERT or OK, the first of them that applies.

    `days` has the minutes of `trace.measured`, and the longest episodes within each day, in
    minutes: `longest_hypo` below 70 and `longest_hyper` above 250 mg/dL.
    """
    return ibis.cases((_critical(days), "CRITICAL"), (_alert(days), "ALERT"), else_="OK")


def status_reasons(days: ir.Table) -> ir.StringColumn:
    """Return all reasons of the status, in words, and what to mistrust; empty for nothing.

    Of two traces that disagree one is kept, and the status might be another with the other one.
    """
    reasons = [
        (_critical(days), f"more than {LOW_MINUTES} minutes below {LOW} mg/dL"),
        (_alert(days), f"more than {HIGH_MINUTES} minutes above {VERY_HIGH} mg/dL"),
        (days.disagreeing > 0, "two traces disagree by more than a sensor's noise"),
        *(
            (
                _differ(days, name),
                f"shares of readings and of time {name.replace('_', ' ')} mg/dL differ",
            )
            for name in LIMITS
        ),
    ]
    separator = "; "
    texts = [ibis.ifelse(applies, separator + text, "") for applies, text in reasons]
    return ibis.literal("").concat(*texts).substr(len(separator))


def _critical(days: ir.Table) -> ir.BooleanColumn:
    return greatest(days.minutes_below_70, days.longest_hypo) > LOW_MINUTES


def _alert(days: ir.Table) -> ir.BooleanColumn:
    return greatest(days.minutes_above_250, days.longest_hyper) > HIGH_MINUTES


def _differ(days: ir.Table, name: str) -> ir.BooleanColumn:
    """Return whether the share of readings beyond a limit is far from that of the trace's time."""
    minutes = days.traced.cast("float64") / float(MINUTE)
    time = 100.0 * days[f"minutes_{name}"] / minutes.nullif(0.0)
    return ((days[f"percent_{name}"] - time).abs() > APART).fill_null(False)
