"""Metrics of any span of days, made by the models from the readings of these days.

What the marts hold for the periods that end with the newest reading, these functions give for other
days: they call the functions of the marts, so that there is one definition of a metric.
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from lakehouse.pages import Figure
from models import gold, marts, status
from models.metrics import LOW, STABLE_CV, SUFFICIENT, VERY_HIGH
from pages.units import in_both, text, with_texts

GMI_DAYS = 14
"""Days, at least, of which a GMI says something (Bergenstal 2018)."""
GMI = Figure(
    "gmi_shown",
    "GMI",
    unit="%",
    digits=1,
    note=f"needs {GMI_DAYS} days, {SUFFICIENT} % of them covered",
)
CV = Figure("cv_percent", "CV", unit="%", digits=1, note=f"target: {STABLE_CV} % or less")
ACTIVE = Figure(
    "percent_active",
    "Time sensor active",
    unit="%",
    digits=1,
    note="from the first to the last reading",
)
STATUS_IN_WORDS = (
    f"CRITICAL: more than {status.LOW_MINUTES} minutes below {LOW} mg/dL (3.9 mmol/L). "
    f"ALERT: more than {status.HIGH_MINUTES} minutes above {VERY_HIGH} mg/dL (13.9 mmol/L)."
)


def within(table: ir.Table, column: str, first: date, last: date) -> ir.Table:
    """Return the rows of the dates from `first` to `last`, both included."""
    return table.filter(table[column].between(first, last))


def of_days(readings: ir.Table, episodes: ir.Table, sites: ir.Table) -> ir.Table:
    """Return a row for each site as `mrt_glucose_periods` has it, over some days of it.

    `readings` and `episodes` are those of the days.
    """
    values, days = gold.int_glucose_values(readings), gold.int_glucose_days(readings)
    periods = marts.mrt_glucose_periods(values, days, episodes, sites)
    return periods.filter(periods.period == "all")


def with_days(periods: ir.Table, overview: ir.Table) -> ir.Table:
    """Add to periods of so many `days` how much is known of them, and texts.

    `overview` has the days of each `period`. `notice` is a text about too little data, or null: a
    period goes from its first to its last reading, which may be far from all of its days.
    """
    counts = overview.group_by("site", "period").agg(
        days_read=overview.count(),
        covered=overview.coverage_percent.sum(),
        critical=(overview.day_status == "CRITICAL").sum(),
        alert=(overview.day_status == "ALERT").sum(),
    )
    rows = periods.join(counts, ["site", "period"])
    rows = rows.mutate(days_covered=rows.covered / rows.days.cast("float64"))
    is_enough = rows.is_sufficient & (rows.days_covered >= SUFFICIENT)
    covered = (rows.days_covered * 10).round().cast("int64")
    rows = rows.mutate(
        days_text=rows.days_read.cast("string") + " of " + rows.days.cast("string"),
        low_episodes=episodes_text(rows),
        status_text=rows.critical.cast("string")
        + " CRITICAL, "
        + rows.alert.cast("string")
        + " ALERT",
        gmi_shown=ibis.ifelse(is_enough & (rows.days >= GMI_DAYS), rows.gmi, None),
        notice=ibis.ifelse(
            is_enough,
            None,
            ibis.literal("Too little data: readings cover ")
            + (covered // 10).cast("string")
            + "."
            + (covered % 10).cast("string")
            + f" % of these days. Below {SUFFICIENT} % they do not speak for all of the time.",
        ),
    )
    return with_texts(
        rows, mean=in_both(rows.avg_glucose), deviation=in_both(rows.stddev_glucose.fill_null(0.0))
    )


def episodes_text(periods: ir.Table) -> ir.StringValue:
    """Return how many episodes of low glucose there were, and how many of them were very low."""
    low, very_low = (periods[f"hypo_episodes_level{level}"].cast("string") for level in (1, 2))
    return low + ", of these " + very_low + " very low"


def figures() -> list[Figure]:
    """Return what a clinic asks for first, of rows `with_days`."""
    return [
        text("mean", "Mean glucose"),
        GMI,
        CV,
        text("deviation", "Standard deviation"),
        ACTIVE,
        Figure("days_covered", "Of these days covered", unit="%", digits=1),
        Figure("days_text", "Days with readings"),
        Figure("low_episodes", "Low episodes"),
        Figure("status_text", "Days that need attention"),
    ]
