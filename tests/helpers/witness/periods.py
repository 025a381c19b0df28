"""Periods of local days that end with the newest reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from witness import figures
from witness.episodes import SLOT, Episode
from witness.moments import DAY, Span
from witness.reach import cadence, coverage
from witness.readings import Person, Reading

DAYS = {
    "last_day": 1,
    "last_7_days": 7,
    "last_14_days": 14,
    "last_30_days": 30,
    "last_90_days": 90,
    "all": None,
}


def periods(
    person: Person, dates: Sequence[date], starts: Sequence[tuple[date, Episode]]
) -> Iterator[dict[str, Any]]:
    """The rows of `mrt_glucose_periods`.

    `dates` are the local dates of the readings, `starts` the episodes with theirs.
    """
    for name, days in DAYS.items():
        first = next(
            number
            for number, day in enumerate(dates)
            if days is None or (dates[-1] - day).days < days
        )
        readings = person.readings[first:]
        hypos = [
            episode.level
            for day, episode in starts
            if episode.kind == "hypo" and (days is None or (dates[-1] - day).days < days)
        ]
        yield {
            "site": person.site,
            "period": name,
            "first_date": dates[first],
            "last_date": dates[-1],
            **_activity(person, readings),
            **_metrics([reading.glucose for reading in readings]),
            "modd": modd(readings),
            "hypo_episodes_level1": hypos.count(1),
            "hypo_episodes_level2": hypos.count(2),
        }


def _activity(person: Person, readings: Sequence[Reading]) -> dict[str, Any]:
    """How much of the time from the first reading to the end of the last one's reach is covered."""
    last = readings[-1].at + cadence([reading.at for reading in readings])
    active = coverage(person, Span(readings[0].at, last))
    return {
        "reading_count": len(readings),
        "percent_active": active,
        "is_sufficient": active >= 70,
    }


def _metrics(values: Sequence[int]) -> dict[str, Any]:
    mean, deviation = figures.mean(values), figures.deviation(values)
    risk = figures.gri(values)
    return {
        "avg_glucose": mean,
        "stddev_glucose": deviation,
        "cv_percent": figures.cv(values),
        "gmi": 3.31 + 0.02392 * float(mean),
        "ea1c": (float(mean) + 46.7) / 28.7,
        **figures.shares(values),
        **figures.target(values),
        "gri": risk,
        "gri_zone": figures.zone(risk),
        "lbgi": figures.low_risk(values),
        "hbgi": figures.high_risk(values),
        "j_index": None if deviation is None else 0.001 * (float(mean) + deviation) ** 2,
        **{f"p{q:02}": figures.percentile(values, q) for q in (5, 25, 50, 75, 95)},
    }


def modd(readings: Sequence[Reading]) -> Fraction | None:
    """The mean difference, without sign, of five-minute means to those 24 hours later."""
    slots: dict[int, list[int]] = defaultdict(list)
    for reading in readings:
        slots[reading.at // SLOT].append(reading.glucose)
    means = {slot: figures.mean(values) for slot, values in slots.items()}
    later = DAY // SLOT
    apart = [
        abs(means[slot + later] - value) for slot, value in means.items() if slot + later in means
    ]
    return sum(apart, Fraction(0)) / len(apart) if apart else None
