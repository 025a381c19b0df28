"""The rows of each table, computed from the kept readings of a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from witness import figures
from witness.episodes import Episode, episodes
from witness.moments import DAY, MINUTE, Span, utc
from witness.periods import periods
from witness.reach import coverage, minutes_beyond
from witness.readings import Person, Reading
from witness.second_traces import disagreeing_days
from witness.status import status

Row = dict[str, Any]

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Tables:
    """All tables of a person, whose readings are those of the `uploads` that are kept."""

    def __init__(self, person: Person, uploads: Sequence[Reading] = ()) -> None:
        self.person = person
        self.readings = person.readings
        self.disagreeing = disagreeing_days(uploads, person.home)

    @cached_property
    def local(self) -> list[datetime]:
        """What the person's clock showed at each reading."""
        return [self.person.home.local(reading.at) for reading in self.readings]

    @cached_property
    def episodes(self) -> list[Episode]:
        return episodes(self.readings)

    def local_date(self, episode: Episode) -> date:
        return self.person.home.local(episode.start).date()

    def fct_glucose_readings(self) -> Iterator[Row]:
        before: Reading | None = None
        for reading, at in zip(self.readings, self.local, strict=True):
            yield {
                "site": self.person.site,
                "entry_id": reading.entry_id,
                "reading_timestamp": utc(reading.at),
                "timezone": self.person.home.zone_at(reading.at),
                "local_timestamp": at,
                "reading_date": at.date(),
                "hour_of_day": at.hour,
                "day_of_week": at.isoweekday(),
                "day_name": DAY_NAMES[at.weekday()],
                "glucose_mg_dl": reading.glucose,
                "device": reading.device,
                "direction": None,
                "glucose_category": _category(reading.glucose),
                "range_band": _band(reading.glucose),
                "is_in_range": 70 <= reading.glucose <= 180,
                **_change(before, reading),
            }
            before = reading

    def dim_date(self) -> Iterator[Row]:
        day = self.local[0].date()
        while day <= self.local[-1].date():
            iso = day.isocalendar()
            yield {
                "site": self.person.site,
                "date": day,
                "year": day.year,
                "quarter": (day.month + 2) // 3,
                "month": day.month,
                "month_name": day.strftime("%B"),
                "iso_year": iso.year,
                "iso_week": iso.week,
                "day_of_month": day.day,
                "day_of_week": iso.weekday,
                "day_name": DAY_NAMES[iso.weekday - 1],
                "is_weekend": iso.weekday >= 6,
            }
            day += timedelta(days=1)

    def mrt_glucose_readings(self) -> Iterator[Row]:
        for (day, hour), values in self._grouped(lambda at: (at.date(), at.hour)):
            categories = [_category(value) for value in values]
            yield {
                "site": self.person.site,
                "reading_date": day,
                "hour_of_day": hour,
                "reading_count": len(values),
                "avg_glucose": figures.mean(values),
                "min_glucose": min(values),
                "max_glucose": max(values),
                "percent_in_range": figures.shares(values)["percent_in_range"],
                **{f"{name}_count": categories.count(name) for name in CATEGORIES},
            }

    def mrt_glucose_overview(self) -> Iterator[Row]:
        for day, values in self._grouped(datetime.date):
            span = self.person.home.day(day)
            minutes = self._minutes(span)
            starting = [found for found in self._hypos() if self.local_date(found) == day]
            shares = figures.shares(values)
            yield {
                "site": self.person.site,
                "reading_date": day,
                "total_readings": len(values),
                "coverage_percent": coverage(self.person, span),
                "avg_glucose_mg_dl": figures.mean(values),
                "min_glucose_mg_dl": min(values),
                "max_glucose_mg_dl": max(values),
                "stddev_glucose": figures.deviation(values),
                "cv_percent": figures.cv(values),
                **self._last(day),
                **shares,
                **figures.target(values),
                **minutes,
                "hypo_episodes": len(starting),
                **self._disagreeing(day),
                **status(
                    self.person,
                    span,
                    self.episodes,
                    shares,
                    minutes,
                    is_disagreeing=day in self.disagreeing,
                ),
            }

    def _disagreeing(self, day: date) -> Row:
        values = self.disagreeing.get(day, [])
        return {
            "disagreeing_readings": len(values),
            "disagreeing_min_mg_dl": min(values, default=None),
            "disagreeing_max_mg_dl": max(values, default=None),
        }

    def mrt_glucose_overnight(self) -> Iterator[Row]:
        for day in self.person.dates():
            span = self.person.home.night(day)
            values = [self.readings[number].glucose for number in self.person.within(span)]
            if not values:
                continue
            shares = figures.shares(values, ("in_range", "below_70", "below_54"))
            covered = coverage(self.person, span)
            cv = figures.cv(values)
            yield {
                "site": self.person.site,
                "reading_date": day,
                "reading_count": len(values),
                "coverage_percent": covered,
                "avg_glucose": figures.mean(values),
                "stddev_glucose": figures.deviation(values),
                "cv_percent": cv,
                "min_glucose": min(values),
                "max_glucose": max(values),
                **shares,
                **{
                    name: minutes
                    for name, minutes in self._minutes(span).items()
                    if name.startswith("minutes_below")
                },
                "hypo_episodes": sum(
                    span.start <= episode.start < span.end for episode in self._hypos()
                ),
                "is_stable": cv is not None
                and cv <= 36
                and shares["percent_below_70"] == 0
                and covered >= 70,
            }

    def mrt_glucose_hourly_patterns(self) -> Iterator[Row]:
        dates: dict[Hashable, set[date]] = defaultdict(set)
        for at in self.local:
            dates[at.hour, at.isoweekday()] |= {at.date()} if self._is_of_last(30, at) else set()
        grouped = self._grouped(
            lambda at: (at.hour, at.isoweekday()) if self._is_of_last(30, at) else None
        )
        for (hour, weekday), values in grouped:
            yield {
                "site": self.person.site,
                "hour_of_day": hour,
                "day_of_week": weekday,
                "day_name": DAY_NAMES[weekday - 1],
                "reading_count": len(values),
                "days_observed": len(dates[hour, weekday]),
                "avg_glucose": figures.mean(values),
                "median_glucose": figures.percentile(values, 50),
                "p25_glucose": figures.percentile(values, 25),
                "p75_glucose": figures.percentile(values, 75),
                "stddev_glucose": figures.deviation(values),
                **figures.shares(values, ["in_range"]),
            }

    def mrt_glucose_episodes(self) -> Iterator[Row]:
        for episode in self.episodes:
            yield {
                "site": self.person.site,
                "kind": episode.kind,
                "level": episode.level,
                "started_at": utc(episode.start),
                "ended_at": utc(episode.end),
                "local_date": self.local_date(episode),
                "local_end_date": self.person.home.local(episode.end - 1).date(),
                "duration_minutes": episode.minutes,
                "extreme_mg_dl": episode.extreme,
                "is_extended": episode.kind == "hypo" and episode.minutes > 120,
            }

    def mrt_glucose_agp(self) -> Iterator[Row]:
        grouped = self._grouped(
            lambda at: at.hour * 60 + at.minute // 15 * 15 if self._is_of_last(14, at) else None
        )
        for minute, values in grouped:
            yield {
                "site": self.person.site,
                "minute_of_day": minute,
                "reading_count": len(values),
                **{f"p{q:02}": figures.percentile(values, q) for q in (5, 25, 50, 75, 95)},
            }

    def mrt_glucose_periods(self) -> Iterator[Row]:
        starts = [(self.local_date(episode), episode) for episode in self.episodes]
        return periods(self.person, [at.date() for at in self.local], starts)

    def _hypos(self) -> list[Episode]:
        return [found for found in self.episodes if (found.kind, found.level) == ("hypo", 1)]

    def _last(self, day: date) -> Row:
        """The last reading of a local date."""
        dated = zip(self.readings, self.local, strict=True)
        *_, last = (reading for reading, at in dated if at.date() == day)
        return {"last_reading_at": utc(last.at), "last_glucose_mg_dl": last.glucose}

    def _is_of_last(self, days: int, at: datetime) -> bool:
        return (self.local[-1].date() - at.date()).days < days

    def _minutes(self, span: Span) -> dict[str, Any]:
        return {
            f"minutes_{side}_{limit}": minutes_beyond(
                self.person, span, limit, below=side == "below"
            )
            for side, limit in (("below", 54), ("below", 70), ("above", 180), ("above", 250))
        }

    def _grouped(self, group: Callable[[datetime], Any]) -> list[tuple[Any, list[int]]]:
        """Glucose by what a function says of the clock's time; None is left out."""
        found: dict[Any, list[int]] = defaultdict(list)
        for reading, at in zip(self.readings, self.local, strict=True):
            key = group(at)
            if key is not None:
                found[key].append(reading.glucose)
        return list(found.items())


CATEGORIES = ("hypoglycemia", "in_range", "hyperglycemia_mild", "hyperglycemia_severe")


def _category(glucose: int) -> str:
    return CATEGORIES[(glucose >= 70) + (glucose > 180) + (glucose > 250)]


def _band(glucose: int) -> str:
    bands = ("very_low", "low", "in_range", "high", "very_high")
    return bands[(glucose >= 54) + (glucose >= 70) + (glucose > 180) + (glucose > 250)]


def _change(before: Reading | None, reading: Reading) -> Row:
    """Minutes since the reading before, and change and rate where the two are close enough."""
    elapsed = None if before is None else reading.at - before.at
    if before is None or elapsed is None or elapsed > DAY:
        elapsed = None
    change = reading.glucose - before.glucose if elapsed and elapsed <= 15 * MINUTE else None
    steady = elapsed is not None and elapsed >= 3 * MINUTE
    return {
        "minutes_since_last_reading": elapsed and elapsed / MINUTE,
        "glucose_change_mg_dl": change,
        "rate_mg_dl_per_minute": change / (elapsed / MINUTE)
        if change is not None and steady
        else None,
    }
