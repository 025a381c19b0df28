"""The marts that people look at: days, nights, hours of the week, episodes and periods."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import ibis
import ibis.expr.types as ir

from lakehouse import Incremental, View, model
from lakehouse.expressions import microseconds, quantiles
from models import cadence, clock, descriptions, metrics, periods, profile, targets, trace
from models.cadence import MINUTE, coverage
from models.episodes import EXTENDED, FOLLOWED, HYPO, joined, within_days
from models.second_traces import disagreeing_days
from models.status import day_status, status_reasons
from models.units import in_mmol

# A local day lies between 14 hours before and 12 hours after the UTC day of its date, and the trace
# is followed to the readings beside it, 45 minutes at most.
_DAILY = Incremental(
    time_column="reading_date", grain="day", lookback="15h", lookahead="13h", key="site"
)
_BY_SITE = Incremental(key="site")
_OF_NIGHTS = ("in_range", "below_70", "below_54")
PATTERN_DAYS = 30
AGP_DAYS = 14


@model(kind=_DAILY, group="glucose", columns=descriptions.OVERVIEW)
def mrt_glucose_overview(
    stg_glucose_entries: ir.Table,
    fct_glucose_readings: ir.Table,
    int_glucose_excursions: ir.Table,
    sites: ir.Table,
) -> ir.Table:
    """One row per local day: its summary, its episodes and whether it needs attention."""
    dates = targets.with_target(_dates(fct_glucose_readings), sites)
    parts = clock.with_bounds(dates, sites, until=clock.DAY)
    parts = _with_starts(parts, int_glucose_excursions)
    parts = _with_longest(parts, int_glucose_excursions)
    parts = _with_disagreeing(parts, stg_glucose_entries)
    days = _summed(fct_glucose_readings, parts, trace.LIMITS, beside=_of_days)
    days = days.mutate(**metrics.percentages(days))
    return days.select(
        "site",
        "reading_date",
        total_readings=days.readings,
        coverage_percent=coverage(days.covered, days.ends - days.starts),
        avg_glucose_mg_dl=days["mean"],
        min_glucose_mg_dl=days.lowest,
        max_glucose_mg_dl=days.highest,
        stddev_glucose=days.stddev,
        cv_percent=metrics.cv(days["mean"], days.stddev),
        last_reading_at=days.last_reading_at,
        last_glucose_mg_dl=days.last_glucose,
        **metrics.counts(days),
        **{name: days[name] for name in metrics.percentages(days)},
        **{f"minutes_{name}": days[f"minutes_{name}"] for name in trace.LIMITS},
        target_low_mg_dl=days.target_low,
        target_high_mg_dl=days.target_high,
        **metrics.counts(days, targets.RANGES),
        **metrics.percentages(days, targets.RANGES),
        hypo_episodes=days.hypo_episodes,
        disagreeing_readings=days.disagreeing,
        disagreeing_min_mg_dl=days.disagreeing_min,
        disagreeing_max_mg_dl=days.disagreeing_max,
        day_status=day_status(days),
        status_reasons=status_reasons(days),
    )


@model(kind=_DAILY, group="glucose", columns=descriptions.OVERNIGHT)
def mrt_glucose_overnight(
    fct_glucose_readings: ir.Table, int_glucose_excursions: ir.Table, sites: ir.Table
) -> ir.Table:
    """One row per local night, from midnight to six."""
    parts = clock.with_bounds(_dates(fct_glucose_readings), sites, until=clock.NIGHT)
    parts = _with_starts(parts, int_glucose_excursions)
    nights = _summed(fct_glucose_readings, parts, ["below_54", "below_70"])
    nights = nights.mutate(
        coverage=coverage(nights.covered, nights.ends - nights.starts),
        cv=metrics.cv(nights["mean"], nights.stddev),
    )
    stable = (
        (nights.cv <= metrics.STABLE_CV)
        & (nights.readings_below_70 == 0)
        & (nights.coverage >= metrics.SUFFICIENT)
    )
    return nights.select(
        "site",
        "reading_date",
        reading_count=nights.readings,
        coverage_percent=nights.coverage,
        avg_glucose=nights["mean"],
        stddev_glucose=nights.stddev,
        cv_percent=nights.cv,
        min_glucose=nights.lowest,
        max_glucose=nights.highest,
        **metrics.counts(nights, _OF_NIGHTS),
        **metrics.percentages(nights, _OF_NIGHTS),
        minutes_below_70=nights.minutes_below_70,
        minutes_below_54=nights.minutes_below_54,
        hypo_episodes=nights.hypo_episodes,
        is_stable=stable.fill_null(False),
    )


def _dates(readings: ir.Table) -> ir.Table:
    """Return the local dates of each site that have readings."""
    return readings.select("site", "reading_date").distinct()


def _with_starts(parts: ir.Table, excursions: ir.Table) -> ir.Table:
    """Add the number of episodes below 70 that start between `starts` and `ends` of a date."""
    starts = excursions.filter(excursions.opens, excursions.kind == HYPO, excursions.level == 1)
    starts = starts.select("site", "local_date", at=microseconds(starts.starts_at))
    joined = parts.left_join(
        starts,
        [
            parts.site == starts.site,
            parts.reading_date == starts.local_date,
            parts.starts <= starts["at"],
            parts.ends > starts["at"],
        ],
    )
    counts = joined.group_by(*parts.columns).agg(hypo_episodes=joined["at"].count())
    return counts.select(*parts.columns, "hypo_episodes")


def _with_longest(parts: ir.Table, excursions: ir.Table) -> ir.Table:
    """Add the minutes of the longest episodes within each day, 0 for none."""
    joined = parts.left_join(within_days(excursions), ["site", "reading_date"])
    return joined.select(
        *parts.columns,
        longest_hypo=joined.longest_hypo.fill_null(0.0),
        longest_hyper=joined.longest_hyper.fill_null(0.0),
    )


def _with_disagreeing(parts: ir.Table, entries: ir.Table) -> ir.Table:
    """Add how many readings are `disagreeing`, by which two traces of a day do, and their range."""
    days = disagreeing_days(entries)
    joined = parts.left_join(days, [parts.site == days.site, parts.reading_date == days.date])
    return joined.select(
        *parts.columns,
        disagreeing=joined.readings.fill_null(0),
        disagreeing_min=joined.lowest,
        disagreeing_max=joined.highest,
    )


def _of_days(readings: ir.Table) -> dict[str, ir.Scalar]:
    """Return what is said of a day besides: its readings by the target, and the last of them."""
    return {  # portable: ok a site has one reading at a moment
        **targets.sums(readings),
        "last_reading_at": readings.reading_timestamp.max(),
        "last_glucose": readings.glucose_mg_dl.argmax(readings["at"]),
    }


def _summed(
    readings: ir.Table,
    parts: ir.Table,
    limits: Iterable[str],
    beside: Callable[[ir.Table], dict[str, ir.Scalar]] = lambda _: {},
) -> ir.Table:
    """Return the `parts` that have readings, with the sums of these and the times of the trace.

    A part is that of a local date from `starts` to `ends`. `beside` returns further aggregates of
    the readings.
    """
    keys = ["site", "reading_date"]
    read = trace.with_neighbours(readings.select(*keys, "reading_timestamp", "glucose_mg_dl"))
    read = read.join(parts, keys)
    read = read.filter(read["at"] >= read.starts, read["at"] < read.ends)
    read = trace.with_times(read, limits)
    facts = {name: read[name].max() for name in parts.drop(*keys).columns}
    sums = read.group_by(keys).agg(
        **facts | beside(read),
        **metrics.sums(read.glucose_mg_dl),
        **trace.sums(read, limits),
        lowest=read.glucose_mg_dl.min(),
        highest=read.glucose_mg_dl.max(),
    )
    sums = sums.mutate(cadence=cadence.cadence(sums))
    return sums.mutate(
        **trace.measured(sums, limits), mean=metrics.mean(sums), stddev=metrics.stddev(sums)
    )


@model(kind=_BY_SITE, group="glucose", columns=descriptions.HOURLY_PATTERNS)
def mrt_glucose_hourly_patterns(fct_glucose_readings: ir.Table, dim_date: ir.Table) -> ir.Table:
    """One row per hour of each day of the week, over the 30 local days up to the newest reading."""
    readings = clock.newest_days(fct_glucose_readings, dim_date, PATTERN_DAYS)
    by = ["site", "hour_of_day", "day_of_week"]
    hours = quantiles(
        readings,
        by=by,
        value="glucose_mg_dl",
        at={"p25_glucose": 0.25, "median_glucose": 0.5, "p75_glucose": 0.75},
        beside=lambda rows: {
            **metrics.sums(rows.glucose_mg_dl),
            "days_observed": rows.reading_date.nunique(),
            "day_name": rows.day_name.max(),
        },
    )
    return hours.select(
        *by,
        "day_name",
        reading_count=hours.readings,
        days_observed=hours.days_observed,
        avg_glucose=metrics.mean(hours),
        median_glucose=hours.median_glucose,
        p25_glucose=hours.p25_glucose,
        p75_glucose=hours.p75_glucose,
        stddev_glucose=metrics.stddev(hours),
        **metrics.counts(hours, ["in_range"]),
        **metrics.percentages(hours, ["in_range"]),
    )


@model(kind=_BY_SITE, group="glucose", columns=descriptions.AGP)
def mrt_glucose_agp(fct_glucose_readings: ir.Table, dim_date: ir.Table) -> ir.Table:
    """One row per local quarter of an hour: percentiles over the 14 newest local days."""
    return profile.of(clock.newest_days(fct_glucose_readings, dim_date, AGP_DAYS))


# No lookback: the first excursion of an episode says that it opens one.
@model(
    kind=Incremental(time_column="started_at", grain="day", lookahead=f"{FOLLOWED}d", key="site"),
    group="glucose",
    columns=descriptions.EPISODES,
)
def mrt_glucose_episodes(int_glucose_excursions: ir.Table) -> ir.Table:
    """One row per episode of low or high glucose; level 1 includes level 2 (Battelino 2023)."""
    parts = joined(int_glucose_excursions)
    parts = parts.filter(parts.episode > 0)
    episodes = parts.group_by("site", "kind", "level", "episode").agg(
        local_date=parts.local_date.min(),
        local_end_date=parts.local_end_date.max(),
        started_at=parts.starts_at.min(),
        ended_at=ibis.coalesce(parts.episode_ended_at.max(), parts.ends_at.max()),
        lowest=parts.lowest_mg_dl.min(),
        highest=parts.highest_mg_dl.max(),
    )
    low = episodes.kind == HYPO
    minutes = (microseconds(episodes.ended_at) - microseconds(episodes.started_at)) / MINUTE
    return episodes.select(
        "site",
        "kind",
        "level",
        "started_at",
        "ended_at",
        "local_date",
        "local_end_date",
        duration_minutes=minutes,
        extreme_mg_dl=ibis.ifelse(low, episodes.lowest, episodes.highest).cast("int32"),
        is_extended=low & (minutes > EXTENDED),
    )


@model(kind=_BY_SITE, group="glucose", columns=descriptions.PERIODS)
def mrt_glucose_periods(
    int_glucose_values: ir.Table,
    int_glucose_days: ir.Table,
    mrt_glucose_episodes: ir.Table,
    sites: ir.Table,
) -> ir.Table:
    """One row per period that ends with the day of the site's newest reading."""
    days = periods.with_class(int_glucose_days)
    counts = periods.counts(int_glucose_values, days)
    summary = periods.summary(targets.with_target(counts, sites))
    for part in (periods.spans(days), periods.episode_counts(mrt_glucose_episodes, days)):
        both = summary.left_join(part, ["site", "period"])
        summary = both.drop("site_right", "period_right")
    return periods.columns(summary)


@model(
    kind=View(time_column="reading_date", key="site"),
    group="glucose",
    columns=descriptions.in_mmol(descriptions.OVERVIEW),
)
def mrt_glucose_overview_mmol(mrt_glucose_overview: ir.Table) -> ir.Table:
    """The overview of days in mmol/L."""
    named = [name for name in mrt_glucose_overview.columns if name.endswith("_mg_dl")]
    return in_mmol(mrt_glucose_overview, [*named, "stddev_glucose"])


@model(
    kind=View(time_column="reading_date", key="site"),
    group="glucose",
    columns=descriptions.in_mmol(descriptions.OVERNIGHT),
)
def mrt_glucose_overnight_mmol(mrt_glucose_overnight: ir.Table) -> ir.Table:
    """Nights in mmol/L."""
    names = ("avg_glucose", "stddev_glucose", "min_glucose", "max_glucose")
    return in_mmol(mrt_glucose_overnight, names)


@model(
    kind=View(key="site"),
    group="glucose",
    columns=descriptions.in_mmol(descriptions.HOURLY_PATTERNS),
)
def mrt_glucose_hourly_patterns_mmol(mrt_glucose_hourly_patterns: ir.Table) -> ir.Table:
    """Hours of the week in mmol/L."""
    names = ("avg", "median", "p25", "p75", "stddev")
    return in_mmol(mrt_glucose_hourly_patterns, [f"{name}_glucose" for name in names])


@model(kind=View(key="site"), group="glucose", columns=descriptions.in_mmol(descriptions.AGP))
def mrt_glucose_agp_mmol(mrt_glucose_agp: ir.Table) -> ir.Table:
    """The ambulatory profile in mmol/L."""
    return in_mmol(mrt_glucose_agp, list(periods.PERCENTILES))


@model(
    kind=View(time_column="started_at", key="site"),
    group="glucose",
    columns=descriptions.in_mmol(descriptions.EPISODES),
)
def mrt_glucose_episodes_mmol(mrt_glucose_episodes: ir.Table) -> ir.Table:
    """Episodes of low and high glucose in mmol/L."""
    return in_mmol(mrt_glucose_episodes, ["extreme_mg_dl"])


@model(kind=View(key="site"), group="glucose", columns=descriptions.in_mmol(descriptions.PERIODS))
def mrt_glucose_periods_mmol(mrt_glucose_periods: ir.Table) -> ir.Table:
    """Periods in mmol/L; risk indices have no unit, and the J-index keeps its own."""
    names = ("avg_glucose", "stddev_glucose", "modd", "target_low_mg_dl", "target_high_mg_dl")
    return in_mmol(mrt_glucose_periods, [*names, *periods.PERCENTILES])
