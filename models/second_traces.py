"""Warnings of a second trace among a person's readings.

Of readings beside each other one is kept, whatever they say. Where two traces disagree by more than
a sensor's noise, or one repeats the other at another hour, somebody has to look: two sensors, two
persons or a wrong clock may upload to one site. Both are told by day, and keep nothing from main.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse import quality
from lakehouse.expressions import greatest, microseconds, to_local
from models.cadence import DAY, MINUTE

NOISE = 40
"""mg/dL by which readings of one sensor within a few minutes may differ."""
NOISE_PERCENT = 20
"""Percent of the higher one by which they may differ."""
BESIDE = 5
"""Minutes within which readings are compared."""
FEWEST = 12
"""Readings on a day, at least, that tell of a second trace."""
QUARTER = 15
LONGEST_SHIFT = 14 * 60
"""Minutes by which zones of the world differ from UTC, at most."""
_AGREE = 40
"""Percent of a day's readings, at least, that come again after a shift."""
_ISO = "%Y-%m-%d"


def disagreeing_days(entries: ir.Table) -> ir.Table:
    """Return the local days (`site`, `date`) on which two traces of a person disagree.

    Readings stand out that are far from both of their neighbours, on the same side of them:
    `readings` is their number, `lowest` and `highest` are of them. `entries` are all that were
    uploaded.
    """
    order = ibis.window(group_by="site", order_by=["reading_timestamp", "entry_id"])
    at, glucose = microseconds(entries.reading_timestamp), entries.glucose_mg_dl
    entries = entries.mutate(
        since=at - at.lag().over(order),
        until=at.lead().over(order) - at,
        rise=glucose - glucose.lag().over(order),
        fall=glucose - glucose.lead().over(order),
        higher=greatest(glucose, glucose.lag().over(order)),
    )
    least_step = greatest(NOISE, entries.higher * NOISE_PERCENT // 100)
    is_beside = greatest(entries.since, entries.until) <= BESIDE * MINUTE
    stands_out = is_beside & (
        ((entries.rise > least_step) & (entries.fall > least_step))
        | ((entries.rise < -least_step) & (entries.fall < -least_step))
    )
    apart = entries.filter(stands_out)
    apart = apart.mutate(date=to_local(apart.reading_timestamp, apart.timezone).date())
    days = apart.group_by("site", "date").agg(
        readings=apart.count(),
        lowest=apart.glucose_mg_dl.min(),
        highest=apart.glucose_mg_dl.max(),
    )
    return days.filter(days.readings >= FEWEST)


@quality(table="marts.mrt_glucose_overview", blocking=False, lookback="0h")
def traces_of_a_person_agree(mrt_glucose_overview: ir.Table) -> ir.Table:
    """Nobody's readings go back and forth between two traces that disagree."""
    days = mrt_glucose_overview.filter(mrt_glucose_overview.disagreeing_readings > 0)
    low, high = days.disagreeing_min_mg_dl, days.disagreeing_max_mg_dl
    return days.select(
        "site",
        "reading_date",
        message=days.site
        + ": two traces disagree on "
        + days.reading_date.strftime(_ISO)
        + ", such as "
        + low.cast("string")
        + " and "
        + high.cast("string")
        + " mg/dL within minutes",
    )


@quality(table="bronze.stg_glucose_entries", blocking=False, lookback="29h", lookahead="29h")
def no_trace_comes_again_at_another_hour(
    stg_glucose_entries: ir.Table, fct_glucose_readings: ir.Table
) -> ir.Table:
    """Nobody's trace is there again, shifted by whole quarters of an hour."""
    entries = stg_glucose_entries.mutate(
        minute=(microseconds(stg_glucose_entries.reading_timestamp) + MINUTE // 2) // MINUTE
    )
    doubled = _of_doubled_days(entries, fct_glucose_readings)
    doubled = doubled.mutate(date=to_local(doubled.reading_timestamp, doubled.timezone).date())
    shifts = ibis.range(1, LONGEST_SHIFT // QUARTER + 1).unnest().cast("int64")
    doubled = doubled.mutate(shift=shifts * QUARTER)
    doubled = doubled.mutate(shifted=doubled.minute + doubled["shift"])
    later = entries.group_by("site", "minute").agg(
        low=entries.glucose_mg_dl.min(), high=entries.glucose_mg_dl.max()
    )
    pairs = doubled.join(
        later, [doubled.site == later.site, doubled.shifted == later.minute], rname="{name}_later"
    )
    agrees = (pairs.glucose_mg_dl == pairs.low) | (pairs.glucose_mg_dl == pairs.high)
    counts = pairs.group_by("site", "date", "shift").agg(
        reading_timestamp=pairs.reading_timestamp.min(),
        readings=pairs.count(),
        agreeing=ibis.ifelse(agrees, 1, 0).cast("int64").sum(),
    )
    whole = ibis.window(group_by=["site", "date"])
    counts = counts.mutate(
        all_agreeing=counts.agreeing.sum().over(whole),
        all_readings=counts.readings.sum().over(whole),
    )
    again = counts.filter(
        counts.agreeing >= FEWEST,
        100 * counts.agreeing >= _AGREE * counts.readings,
        # Glucose that hardly moves is alike at any hour.
        counts.agreeing * counts.all_readings >= 2 * counts.all_agreeing * counts.readings,
    )
    return again.select(
        "site",
        "reading_timestamp",
        "date",
        message=again.site
        + ": the trace of "
        + again.date.strftime(_ISO)
        + " comes again "
        + again["shift"].cast("string")
        + " minutes later",
    )


def _of_doubled_days(entries: ir.Table, readings: ir.Table) -> ir.Table:
    """Return the entries of the UTC days of which many are redundant."""
    entries, readings = (
        table.mutate(day=microseconds(table.reading_timestamp) // DAY)
        for table in (entries, readings)
    )
    one = ibis.literal(1, "int64")
    counts = ibis.union(
        entries.select("site", "day", redundant=one), readings.select("site", "day", redundant=-one)
    )
    days = counts.group_by("site", "day").agg(redundant=counts.redundant.sum())
    return entries.semi_join(days.filter(days.redundant >= FEWEST), ["site", "day"])
