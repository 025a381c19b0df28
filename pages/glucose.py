"""The page about glucose: a person's newest readings, ranges, days, nights and episodes."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from lakehouse.expressions import add_days, elapsed_seconds, least, to_local
from lakehouse.pages import Block, Choice, Figure, Figures, Notices, Rows, Text, page, read_once
from models import clock, stays
from models.episodes import HYPO
from models.periods import DAYS
from pages import profiles, ranges, strips, summaries, trends
from pages.units import UNITS, glucose, per_minute, with_mmol

_PERIODS = {
    "last_14_days": "14 days",
    "last_7_days": "7 days",
    "last_30_days": "30 days",
    "last_90_days": "90 days",
    "all": "all days",
    "last_day": "newest day",
}
_PERIOD = Choice("period", "Period", tuple(_PERIODS.values()))
_WITHIN = f"datum.age < { ({label: DAYS[name] for name, label in _PERIODS.items()}) }[period]"
"""Expression of Vega: is a day in the period that is chosen?"""
_FORTNIGHT = 14
"""Days."""
_LISTED = 30
"""Days that lists go back."""
_STRIPS = 2 * _FORTNIGHT
"""Days with strips."""
_RECENT = 2
"""Newest days whose status is told above everything else."""


@page(title="Glucose", choices=[Choice("site", "Person"), UNITS, _PERIOD])
def glucose_page(  # noqa: PLR0917 - a page takes its tables
    fct_glucose_readings: ir.Table,
    mrt_glucose_overview: ir.Table,
    mrt_glucose_overnight: ir.Table,
    mrt_glucose_hourly_patterns: ir.Table,
    mrt_glucose_episodes: ir.Table,
    mrt_glucose_agp: ir.Table,
    mrt_glucose_periods: ir.Table,
    sites: ir.Table,
) -> list[Block]:
    """Everything that the marts hold about one person.

    What several blocks read is computed once.
    """
    overview = read_once(clock.with_age(mrt_glucose_overview))
    periods = read_once(_labelled(mrt_glucose_periods, overview))
    days = overview.filter(overview.age < _STRIPS).select("site", "reading_date")
    recent = read_once(fct_glucose_readings.semi_join(days, ["site", "reading_date"]))
    newest = read_once(_newest(recent, overview))
    return [
        Notices(_warnings(overview), "notice"),
        Notices(_late(newest), "notice"),
        Figures(newest, _now()),
        Text("Time in ranges", level=2),
        Notices(periods, "notice"),
        ranges.bar(periods, "Time in ranges of the period"),
        ranges.table(periods, "Readings in each range, beside the targets"),
        Figures(periods, _summary()),
        Text("By time of day", level=2),
        profiles.chart(mrt_glucose_agp, 260, title="Ambulatory glucose profile, newest 14 days"),
        trends.hours_of_week(mrt_glucose_hourly_patterns),
        Text("Day by day", level=2),
        trends.daily(overview, _WITHIN),
        trends.shares(overview, _WITHIN),
        strips.chart(
            recent, overview, _starts(overview), _STRIPS, 120, 760, title="The newest four weeks"
        ),
        Text(f"Above a day: its share in range. {summaries.STATUS_IN_WORDS}"),
        _fortnights(recent, mrt_glucose_periods, mrt_glucose_episodes, overview, sites),
        _days(overview),
        Text("Nights and episodes", level=2),
        _nights(mrt_glucose_overnight),
        _episodes(mrt_glucose_episodes, overview, sites),
        Text("Not a medical device: decide nothing about treatment by this page."),
    ]


def _labelled(periods: ir.Table, overview: ir.Table) -> ir.Table:
    """Return the periods by the names that are chosen from, with what is known of their days."""
    oldest = overview.group_by("site").agg(oldest=overview.age.max())
    lengths = [(periods.period == name, days) for name, days in DAYS.items()]
    rows = periods.mutate(length=ibis.cases(*lengths, else_=0)).join(oldest, "site")
    rows = rows.mutate(days=least(rows.length, rows.oldest + 1))
    days = overview.join(rows.select("site", "period", "length"), "site")
    rows = summaries.with_days(rows, days.filter(days.age < days.length))
    labels = [(rows.period == name, label) for name, label in _PERIODS.items()]
    rows = rows.mutate(period=ibis.cases(*labels, else_=rows.period))
    return with_mmol(rows, "avg_glucose", "stddev_glucose").order_by("site", "period")


def _newest(readings: ir.Table, overview: ir.Table) -> ir.Table:
    """Return the newest reading of each site, with the figures of its day."""
    order = ibis.window(group_by=readings.site, order_by=readings.reading_timestamp.desc())
    place = ibis.row_number().over(order)
    newest = readings.mutate(place=place).filter(ibis._.place == 0)
    days = overview.filter(overview.age == 0).drop("reading_date")
    rows = newest.join(days, "site")
    rows = with_mmol(rows, "glucose_mg_dl", "rate_mg_dl_per_minute", "avg_glucose_mg_dl")
    return rows.order_by("site")


def _now() -> list[Figure]:
    return [
        glucose("glucose_mg_dl", "Newest reading"),
        Figure("reading_timestamp", "Read", age=True),
        Figure("local_timestamp", "At, by the person's clock"),
        per_minute("rate_mg_dl_per_minute", "Change a minute"),
        Figure("day_status", "Status of the day"),
        Figure("percent_in_range", "In range that day", unit="%", digits=1),
        glucose("avg_glucose_mg_dl", "Mean that day"),
        Figure("hypo_episodes", "Low episodes that day"),
        Figure("coverage_percent", "Of the day covered", unit="%", digits=1),
    ]


def _warnings(overview: ir.Table) -> ir.Table:
    """Return a notice for each of the newest days that needs attention."""
    days = overview.filter(overview.age < _RECENT, overview.day_status != "OK")
    days = days.order_by("site", days.reading_date.desc())
    date = days.reading_date.strftime("%Y-%m-%d")
    notice = days.day_status + " on " + date + ": " + days.status_reasons
    return days.select("site", notice=notice)


def _late(newest: ir.Table) -> ir.Table:
    """Return a notice for each site whose readings end a day or more before those of others."""
    last = newest.reading_timestamp.max().over(ibis.window())
    rows = newest.select("site", "reading_timestamp", last=last)
    seconds = elapsed_seconds(rows.reading_timestamp, rows["last"])
    days = (seconds / 86_400).floor().cast("int64")
    text = ibis.literal("The newest reading is older than that of others by days: ")
    rows = rows.mutate(days=days, notice=text + days.cast("string"))
    return rows.filter(rows.days > 0).select("site", "notice").order_by("site")


def _summary() -> list[Figure]:
    return [
        glucose("avg_glucose", "Mean glucose"),
        summaries.GMI,
        summaries.CV,
        glucose("stddev_glucose", "Standard deviation"),
        summaries.ACTIVE,
        Figure("days_covered", "Of these days covered", unit="%", digits=1),
        Figure("days_text", "Days with readings"),
        Figure("hypo_episodes_level1", "Low episodes"),
        Figure("hypo_episodes_level2", "of these very low"),
        Figure("critical", "Days CRITICAL"),
        Figure("alert", "Days ALERT"),
    ]


def _starts(overview: ir.Table) -> ir.Table:
    """Return the `first` of the days with strips, by site."""
    newest = overview.group_by("site").agg(newest=overview.newest.max())
    return newest.select("site", first=add_days(newest.newest, 1 - _STRIPS))


def _fortnights(
    recent: ir.Table,
    periods: ir.Table,
    episodes: ir.Table,
    overview: ir.Table,
    sites: ir.Table,
) -> Rows:
    """Return the newest fortnight beside the one before it."""
    days = overview.filter(overview.age >= _FORTNIGHT, overview.age < 2 * _FORTNIGHT)
    days = days.select("site", "reading_date")
    before = summaries.of_days(
        recent.semi_join(days, ["site", "reading_date"]),
        episodes.semi_join(
            days, [episodes.site == days.site, episodes.local_date == days.reading_date]
        ),
        sites,
    )
    now = periods.filter(periods.period == "last_14_days")
    names = ("newest 14 days", "14 days before")
    both = ibis.union(
        *(
            with_mmol(rows, "avg_glucose")
            .mutate(
                place=ibis.literal(place),
                days=ibis.literal(name),
                low_episodes=summaries.episodes_text(rows),
            )
            .drop("period")
            for place, (rows, name) in enumerate(zip((now, before), names, strict=True))
        )
    )
    return Rows(
        both.order_by("site", "place"),
        [
            Figure("days", ""),
            glucose("avg_glucose", "Mean"),
            Figure("percent_in_range", "In range", unit="%", digits=1),
            Figure("percent_below_70", "Below", unit="%", digits=1),
            Figure("percent_above_180", "Above", unit="%", digits=1),
            Figure("cv_percent", "CV", unit="%", digits=1),
            Figure("percent_active", "Active", unit="%", digits=1),
            Figure("low_episodes", "Low episodes"),
        ],
        "This fortnight beside the one before",
    )


def _days(overview: ir.Table) -> Rows:
    days = overview.filter(overview.age < _LISTED)
    days = with_mmol(days, "avg_glucose_mg_dl", "min_glucose_mg_dl", "max_glucose_mg_dl")
    return Rows(
        days.order_by("site", days.reading_date.desc()),
        [
            Figure("reading_date", "Day"),
            Figure("day_status", "Status"),
            Figure("percent_in_range", "In range", unit="%", digits=1),
            Figure("percent_in_target", "In own range", unit="%", digits=1),
            glucose("avg_glucose_mg_dl", "Mean"),
            glucose("min_glucose_mg_dl", "Lowest"),
            glucose("max_glucose_mg_dl", "Highest"),
            Figure("hypo_episodes", "Low episodes"),
            Figure("coverage_percent", "Covered", unit="%", digits=1),
            Figure("status_reasons", "Reasons of the status"),
        ],
        f"The newest {_LISTED} days",
    )


def _nights(overnight: ir.Table) -> Rows:
    nights = clock.with_age(overnight)
    nights = with_mmol(nights.filter(nights.age < _LISTED), "avg_glucose", "min_glucose")
    return Rows(
        nights.order_by("site", nights.reading_date.desc()),
        [
            Figure("reading_date", "Night"),
            Figure("is_stable", "Stable"),
            glucose("avg_glucose", "Mean"),
            glucose("min_glucose", "Lowest"),
            Figure("percent_in_range", "In range", unit="%", digits=1),
            Figure("cv_percent", "CV", unit="%", digits=1),
            Figure("minutes_below_70", "Low", unit="min", digits=0),
            Figure("hypo_episodes", "Low episodes"),
            Figure("coverage_percent", "Covered", unit="%", digits=1),
        ],
        f"Nights, from midnight to six, of {_LISTED} days",
    )


def _episodes(episodes: ir.Table, overview: ir.Table, sites: ir.Table) -> Rows:
    days = overview.filter(overview.age < _LISTED).select("site", "reading_date")
    rows = episodes.semi_join(
        days, [episodes.site == days.site, episodes.local_date == days.reading_date]
    )
    rows = stays.with_zones(rows, sites, zone="started_at")
    is_low, is_second = rows.kind == HYPO, rows.level == 2  # noqa: PLR2004 - the second of two
    name = ibis.ifelse(is_low, "low", "high")
    rows = rows.mutate(
        name=ibis.ifelse(is_second, ibis.literal("very ") + name, name),
        clock=to_local(rows.started_at, rows.zone).strftime("%Y-%m-%d %H:%M"),
    )
    return Rows(
        with_mmol(rows, "extreme_mg_dl").order_by("site", rows.started_at.desc(), "kind", "level"),
        [
            Figure("clock", "Began"),
            Figure("name", "Glucose was"),
            Figure("duration_minutes", "Lasted", unit="min", digits=0),
            glucose("extreme_mg_dl", "Extreme"),
            Figure("is_extended", "Over two hours low"),
        ],
        f"Episodes of {_LISTED} days; very low ones are low ones, too",
    )
