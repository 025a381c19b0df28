"""Checks that the glucose tables must pass before people see them."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse import (
    AcceptedValuesCheck,
    FreshnessCheck,
    NullCheck,
    RangeCheck,
    UniqueCheck,
    quality,
)
from models import episodes, metrics, periods, status, trace

_TOLERANCE = 1e-9
_LONGEST_DAY = 49 * 60
"""Minutes: an hour more as clocks change, and a day as a person crosses the date line."""
_DAY = ["site", "reading_date"]
_PERCENTAGES = [f"percent_{name}" for name in metrics.RANGES]


def _percentages(*columns: str) -> list[RangeCheck]:
    return [RangeCheck(column, 0, 100) for column in columns]


def _out_of_balance(counts: ir.Table) -> ir.Table:
    """Return the days on which `readings`, negative for one of two tables, do not add up to 0."""
    balance = counts.group_by(_DAY).agg(difference=counts.readings.sum())
    return balance.filter(balance["difference"] != 0)


@quality(
    table="bronze.stg_glucose_entries",
    checks=[
        NullCheck(["site", "entry_id", "reading_timestamp", "glucose_mg_dl", "timezone"]),
        UniqueCheck(["site", "entry_id"]),
        RangeCheck("glucose_mg_dl", 39, 600),
        AcceptedValuesCheck("reading_type", ["sgv"]),
    ],
)
def entries_are_readings() -> None:
    """Staged entries are sensor glucose."""


@quality(
    table="silver.fct_glucose_readings",
    checks=[
        NullCheck(["site", "entry_id", "reading_timestamp", "reading_date", "glucose_mg_dl"]),
        UniqueCheck(["site", "entry_id"]),
        UniqueCheck(["site", "reading_timestamp"]),
        RangeCheck("glucose_mg_dl", 20, 600),
        RangeCheck("hour_of_day", 0, 23),
        RangeCheck("day_of_week", 1, 7),
        AcceptedValuesCheck("glucose_category", metrics.CATEGORIES),
        AcceptedValuesCheck("range_band", metrics.BANDS),
    ],
)
def one_reading_per_moment() -> None:
    """A person has at most one reading at a moment."""


@quality(
    table="silver.fct_glucose_readings",
    checks=[FreshnessCheck("reading_timestamp", max_age_hours=24, by=["site"])],
    blocking=False,
)
def readings_are_fresh() -> None:
    """Nobody's newest reading is a day old."""


@quality(
    table="gold.mrt_glucose_readings",
    checks=[
        NullCheck(["site", "reading_date", "hour_of_day", "avg_glucose"]),
        UniqueCheck(["site", "reading_date", "hour_of_day"]),
        RangeCheck("avg_glucose", 20, 600),
        *_percentages("percent_in_range"),
    ],
    lookback="0d",
)
def categories_add_up(mrt_glucose_readings: ir.Table) -> ir.Table:
    """Every reading of an hour is in one category."""
    hours = mrt_glucose_readings
    counts = [hours[f"{name}_count"] for name in metrics.CATEGORIES]
    return hours.filter(hours.reading_count != sum(counts[1:], counts[0]))


@quality(
    table="gold.int_glucose_values",
    checks=[
        NullCheck(["site", "reading_date", "glucose_mg_dl"]),
        UniqueCheck(["site", "reading_date", "glucose_mg_dl"]),
        RangeCheck("reading_count", 1),
    ],
    lookback="0d",
)
def values_make_up_the_hours(
    int_glucose_values: ir.Table, mrt_glucose_readings: ir.Table
) -> ir.Table:
    """A day has as many values as its hours have readings."""
    values, hours = int_glucose_values, mrt_glucose_readings
    return _out_of_balance(
        ibis.union(
            values.select(*_DAY, readings=values.reading_count),
            hours.select(*_DAY, readings=-hours.reading_count),
        )
    )


@quality(
    table="gold.int_glucose_days",
    checks=[
        NullCheck(["site", "reading_date", "first_reading", "last_reading"]),
        UniqueCheck(["site", "reading_date"]),
    ],
)
def days_are_unique() -> None:
    """A day of a person is in one row."""


@quality(
    table="gold.int_glucose_excursions",
    checks=[
        NullCheck(["site", "kind", "level", "starts_at", "ends_at", "opens"]),
        NullCheck(["local_date", "local_end_date"]),
        UniqueCheck(["site", "kind", "level", "starts_at"]),
    ],
)
def excursions_are_unique() -> None:
    """An excursion is in one row."""


@quality(
    table="marts.mrt_glucose_overview",
    checks=[
        NullCheck(["site", "reading_date", "total_readings", "day_status", "status_reasons"]),
        UniqueCheck(["site", "reading_date"]),
        AcceptedValuesCheck("day_status", status.STATUSES),
        RangeCheck("hypo_episodes", 0),
        *(RangeCheck(f"minutes_{name}", 0, _LONGEST_DAY) for name in trace.LIMITS),
        *_percentages("coverage_percent", *_PERCENTAGES),
    ],
    lookback="14h",  # of a local day before the UTC day of its date
    lookahead="12h",
)
def overview_counts_every_reading(
    mrt_glucose_overview: ir.Table, fct_glucose_readings: ir.Table
) -> ir.Table:
    """The overview has every day with readings, and all of them."""
    counted = mrt_glucose_overview.select(*_DAY, readings=mrt_glucose_overview.total_readings)
    expected = fct_glucose_readings.group_by(_DAY).agg(readings=-fct_glucose_readings.count())
    return _out_of_balance(ibis.union(counted, expected))


@quality(table="marts.mrt_glucose_overview", lookback="14h", lookahead="12h")
def dangerous_days_say_so(
    mrt_glucose_overview: ir.Table, mrt_glucose_episodes: ir.Table
) -> ir.Table:
    """A day that holds a long episode below 70 mg/dL is CRITICAL, above 250 no less than ALERT."""
    days, all_episodes = mrt_glucose_overview, mrt_glucose_episodes
    held = all_episodes.filter(all_episodes.local_date == all_episodes.local_end_date)
    low, high = (
        held.filter(held.kind == kind, held.level == level, held.duration_minutes > minutes).select(
            "site", reading_date=held.local_date
        )
        for (kind, level), minutes in zip(
            episodes.DANGEROUS, (status.LOW_MINUTES, status.HIGH_MINUTES), strict=True
        )
    )
    return ibis.union(
        days.filter(days.day_status != "CRITICAL").semi_join(low, _DAY),
        days.filter(days.day_status == "OK").semi_join(high, _DAY),
    )


@quality(
    table="marts.mrt_glucose_overnight",
    checks=[
        NullCheck(["site", "reading_date", "is_stable"]),
        UniqueCheck(["site", "reading_date"]),
        *_percentages("coverage_percent", "percent_in_range", "percent_below_70"),
    ],
)
def nights_are_complete() -> None:
    """A night of a person is in one row, and says whether it was stable."""


@quality(
    table="marts.mrt_glucose_episodes",
    checks=[
        NullCheck(["site", "started_at", "ended_at", "extreme_mg_dl"]),
        UniqueCheck(["site", "kind", "level", "started_at"]),
        AcceptedValuesCheck("kind", [episodes.HYPO, episodes.HYPER]),
        RangeCheck("duration_minutes", episodes.SHORTEST),
    ],
)
def episodes_do_not_overlap(mrt_glucose_episodes: ir.Table) -> ir.Table:
    """An episode ends before the next of its kind and level starts."""
    table = mrt_glucose_episodes
    order = ibis.window(group_by=["site", "kind", "level"], order_by="started_at")
    following = table.mutate(next_start=table.started_at.lead().over(order))
    return following.filter(following.ended_at > following.next_start)


@quality(
    table="marts.mrt_glucose_periods",
    checks=[
        NullCheck(["site", "period", "avg_glucose", "percent_active", "gri_zone"]),
        UniqueCheck(["site", "period"]),
        AcceptedValuesCheck("period", list(periods.DAYS)),
        *_percentages("percent_active", "gri", *_PERCENTAGES),
    ],
)
def shares_of_a_period_add_up(mrt_glucose_periods: ir.Table) -> ir.Table:
    """The percentages below, in and above the range add up to 100 for each period."""
    table = mrt_glucose_periods
    whole = table.percent_below_70 + table.percent_in_range + table.percent_above_180
    return table.filter((whole - 100).abs() > _TOLERANCE)
