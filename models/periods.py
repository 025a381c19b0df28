"""Periods that end with the day of a site's newest reading, from the last day to all days.

Every period contains the shorter ones. So each day is counted once, in the class of the shortest
period that contains it, and classes are then added up. Glucose is a whole number, so a day or a
class is a small table of how often each value occurs, from which every metric is computed exactly.
Days that only the longest period contains need no class, as it contains everything.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import microseconds, quantiles
from models import cadence, clock, metrics, targets
from models.episodes import HYPO

DAYS = {
    "last_day": 1,
    "last_7_days": 7,
    "last_14_days": 14,
    "last_30_days": 30,
    "last_90_days": 90,
    "all": 1_000_000,
}
"""Days in each period."""
PERCENTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
LEVELS = (1, 2)
"""Levels of low episodes: below 70 and below 54 mg/dL."""

_SLOT = 5
"""Minutes."""
_SLOTS_A_DAY = 24 * 60 // _SLOT


def with_class(dated: ir.Table) -> ir.Table:
    """Add `days`, the length of the shortest period that contains the day, and the `newest` day."""
    aged = clock.with_age(dated)
    return aged.mutate(days=_shortest(aged.age))


def counts(values: ir.Table, days: ir.Table) -> ir.Table:
    """Return the `count` of each value in each `period`; `days` come from `with_class`.

    Days are joined by equality, so that an engine can skip files that hold none of them.
    """
    *_, longest = DAYS.values()
    recent = days.filter(days.days < longest).select("site", "reading_date", "days")
    recent = values.join(recent, ["site", "reading_date"])
    classes = recent.group_by("site", "days", "glucose_mg_dl")
    periods = _periods(classes.agg(count=recent.reading_count.sum()))
    *_, everything = DAYS
    whole = values.group_by("site", "glucose_mg_dl").agg(count=values.reading_count.sum())
    names = ("site", "period", "glucose_mg_dl", "count")
    return ibis.union(
        periods.filter(periods.period != everything).select(names),
        whole.mutate(period=ibis.literal(everything)).select(names),
    )


def summary(counts: ir.Table) -> ir.Table:
    """Return sums and percentiles of each period; `counts` have the target of their site."""

    def sums(counts: ir.Table) -> dict[str, ir.Scalar]:
        times = counts["count"].cast("float64")
        return {
            **metrics.sums(counts.glucose_mg_dl, counts["count"]),
            **targets.sums(counts, counts["count"]),
            "low_risk": (metrics.low_risk(counts.glucose_mg_dl) * times).sum(),
            "high_risk": (metrics.high_risk(counts.glucose_mg_dl) * times).sum(),
        }

    by, value = ["site", "period"], "glucose_mg_dl"
    return quantiles(counts, by=by, value=value, at=PERCENTILES, times="count", beside=sums)


def spans(days: ir.Table) -> ir.Table:
    """Return the dates, the span, the cadence and the reach of each period, and its MODD.

    MODD is the mean absolute difference of glucose to 24 hours later, in mg/dL (Molnar 1972). Both
    readings lie in the period if the earlier one does, as a period ends with the newest reading.
    """
    classes = days.group_by("site", "days").agg(
        first_date=days.reading_date.min(),
        last_date=days.reading_date.max(),
        first_at=microseconds(days.first_reading.min()),
        last_at=microseconds(days.last_reading.max()),
        apart=days.apart.sum(),
        pairs=days.pairs.sum(),
        **cadence.regroup(days),
        **cadence.regroup_reaches(days),
    )
    classes = _periods(classes)
    periods = classes.group_by("site", "period").agg(
        first_date=classes.first_date.min(),
        last_date=classes.last_date.max(),
        span=classes.last_at.max() - classes.first_at.min(),
        modd=classes.apart.sum() / classes.pairs.sum().cast("float64").nullif(0.0),
        **cadence.regroup(classes),
        **cadence.regroup_reaches(classes),
    )
    periods = periods.mutate(cadence=cadence.cadence(periods))
    return periods.mutate(covered=cadence.at_cadence(periods, "reach"))


def day_to_day(readings: ir.Table) -> ir.Table:
    """Return per day the summed difference, `apart`, of glucose to 24 hours later, in mg/dL.

    `pairs` counts the compared five-minute means; a pair belongs to the day of the earlier one.
    """
    at = microseconds(readings.reading_timestamp)
    slots = readings.group_by("site", slot=at // (_SLOT * cadence.MINUTE)).agg(
        reading_date=readings.reading_date.min(), glucose=_mean(readings.glucose_mg_dl)
    )
    later = slots.select("site", slot=slots.slot - _SLOTS_A_DAY, later=slots.glucose)
    pairs = slots.join(later, ["site", "slot"])
    return pairs.group_by("site", "reading_date").agg(
        apart=(pairs.later - pairs.glucose).abs().sum(), pairs=pairs.count()
    )


def episode_counts(episodes: ir.Table, days: ir.Table) -> ir.Table:
    """Return the number of episodes of low glucose that start in each period."""
    newest = days.group_by("site").agg(newest=days.newest.max())
    low = episodes.filter(episodes.kind == HYPO).join(newest, "site")
    low = low.mutate(days=_shortest(low.newest.delta(low.local_date, unit="day").cast("int64")))
    repeated = _periods(low)
    return repeated.group_by("site", "period").agg(
        **{f"hypo_episodes_level{level}": (repeated.level == level).sum() for level in LEVELS}
    )


def columns(periods: ir.Table) -> ir.Table:
    """Return the periods with the columns that people see."""
    # In steps: an expression is written out in SQL each time it is used.
    periods = periods.mutate(
        # The last reading stands for one more interval.
        percent_active=cadence.coverage(
            periods.covered, periods.span + periods.cadence * cadence.MINUTE
        ),
        avg_glucose=metrics.mean(periods),
        stddev_glucose=metrics.stddev(periods),
        **metrics.percentages(periods),
        **metrics.percentages(periods, targets.RANGES),
    )
    mean, stddev = periods.avg_glucose, periods.stddev_glucose
    readings = periods.readings.cast("float64")
    return periods.select(
        "site",
        "period",
        "first_date",
        "last_date",
        periods.readings.name("reading_count"),
        "percent_active",
        (periods.percent_active >= metrics.SUFFICIENT).name("is_sufficient"),
        "avg_glucose",
        "stddev_glucose",
        metrics.cv(mean, stddev).name("cv_percent"),
        metrics.gmi(mean).name("gmi"),
        metrics.ea1c(mean).name("ea1c"),
        *(f"readings_{name}" for name in metrics.RANGES),
        *(f"percent_{name}" for name in metrics.RANGES),
        periods.target_low.name("target_low_mg_dl"),
        periods.target_high.name("target_high_mg_dl"),
        *(f"readings_{name}" for name in targets.RANGES),
        *(f"percent_{name}" for name in targets.RANGES),
        metrics.gri(periods).name("gri"),
        metrics.gri_zone(periods).name("gri_zone"),
        (periods.low_risk / readings).name("lbgi"),
        (periods.high_risk / readings).name("hbgi"),
        metrics.j_index(mean, stddev).name("j_index"),
        "modd",
        *PERCENTILES,
        *(_episodes(periods, level) for level in LEVELS),
    )


def _episodes(periods: ir.Table, level: int) -> ir.IntegerColumn:
    """Return the count of episodes of a level, 0 for a period without any."""
    name = f"hypo_episodes_level{level}"
    return periods[name].fill_null(0).name(name)


def _shortest(age: ir.IntegerColumn) -> ir.IntegerColumn:
    """Return the days of the shortest period that contains a day with this `age` in days."""
    *shorter, longest = DAYS.values()
    branches = [(age < days, ibis.literal(days, "int64")) for days in shorter]
    return ibis.cases(*branches, else_=ibis.literal(longest, "int64"))


def _periods(classes: ir.Table) -> ir.Table:
    """Repeat each row of a class for every `period` that contains it."""
    lengths = ibis.array([ibis.literal(days, "int64") for days in DAYS.values()])
    repeated = classes.mutate(length=lengths.unnest())
    repeated = repeated.filter(repeated.days <= repeated.length)
    return repeated.mutate(
        period=ibis.cases(*((repeated.length == days, name) for name, days in DAYS.items()))
    )


def _mean(glucose: ir.IntegerColumn) -> ir.FloatingScalar:
    return glucose.cast("int64").sum().cast("float64") / glucose.count().cast("float64")
