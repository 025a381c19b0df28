"""What the columns of the marts mean; glucose is in mg/dL, and percentages run from 0 to 100."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models import units

_RANGES = {
    "in_range": "from 70 to 180",
    "in_tight_range": "from 70 to 140",
    "below_54": "below 54",
    "below_70": "below 70, those below 54 included",
    "above_180": "above 180, those above 250 included",
    "above_250": "above 250",
}
_TARGETS = {
    "in_target": "in the person's target range, its limits included",
    "below_target": "below the person's target range",
    "above_target": "above the person's target range",
}
_PERSON = {"site": "the person"}
_TARGET = {
    "target_low_mg_dl": "lowest value in the person's target range, mg/dL",
    "target_high_mg_dl": "highest value in the person's target range, mg/dL",
}
_SPREAD = {
    "stddev_glucose": "standard deviation of a sample, mg/dL; null for one reading",
    "cv_percent": "100 · deviation / mean, %",
}
_MEAN = {"avg_glucose": "mean, mg/dL"}
_PERCENTILES = {
    "p05": "5th percentile, mg/dL",
    "p25": "25th percentile, mg/dL",
    "p50": "median, mg/dL",
    "p75": "75th percentile, mg/dL",
    "p95": "95th percentile, mg/dL",
}


def _shares(ranges: Mapping[str, str], names: Sequence[str] = ()) -> dict[str, str]:
    """Return what the number and the share of readings in some ranges mean; by default in all."""
    meant = {name: ranges[name] for name in names or ranges}
    return {
        **{f"readings_{name}": f"readings {text}" for name, text in meant.items()},
        **{f"percent_{name}": f"readings {text}, %" for name, text in meant.items()},
    }


def _minutes(*names: str) -> dict[str, str]:
    return {f"minutes_{name}": f"minutes of the trace {_RANGES[name]}" for name in names}


OVERVIEW = {
    **_PERSON,
    "reading_date": "local date",
    "total_readings": "readings",
    "coverage_percent": "time that readings stand for, by the real length of the day, %",
    "avg_glucose_mg_dl": "mean, mg/dL",
    "min_glucose_mg_dl": "lowest, mg/dL",
    "max_glucose_mg_dl": "highest, mg/dL",
    **_SPREAD,
    "last_reading_at": "instant of the last reading of the day, in UTC",
    "last_glucose_mg_dl": "last reading of the day, mg/dL",
    **_shares(_RANGES),
    **_minutes("below_54", "below_70", "above_180", "above_250"),
    **_TARGET,
    **_shares(_TARGETS),
    "hypo_episodes": "episodes below 70 that start on the day",
    "disagreeing_readings": "uploaded readings by which two traces disagree; 0 if they are few",
    "disagreeing_min_mg_dl": "the lowest of these, mg/dL",
    "disagreeing_max_mg_dl": "the highest of these, mg/dL",
    "day_status": "`CRITICAL`: more than 15 minutes below 70; else `ALERT`: more than 25 minutes"
    " above 250; else `OK`. Minutes of the trace, or of an episode within the day",
    "status_reasons": "all that applies, in words, and where two traces disagree, or shares of"
    " readings and of time differ by more than 5 points; empty for nothing",
}
OVERNIGHT = {
    **_PERSON,
    "reading_date": "local date",
    "reading_count": "readings",
    "coverage_percent": "time that readings stand for, by the real length of the night, %",
    **_MEAN,
    **_SPREAD,
    "min_glucose": "lowest, mg/dL",
    "max_glucose": "highest, mg/dL",
    **_shares(_RANGES, ("in_range", "below_70", "below_54")),
    **_minutes("below_70", "below_54"),
    "hypo_episodes": "episodes below 70 that start in the night",
    "is_stable": "CV at most 36 %, nothing below 70, coverage at least 70 %",
}
HOURLY_PATTERNS = {
    **_PERSON,
    "hour_of_day": "local hour, 0 to 23",
    "day_of_week": "1 for Monday to 7 for Sunday",
    "day_name": "`Monday` …",
    "reading_count": "readings",
    "days_observed": "days that they are from",
    **_MEAN,
    "median_glucose": "median, mg/dL",
    "p25_glucose": "25th percentile, mg/dL",
    "p75_glucose": "75th percentile, mg/dL",
    "stddev_glucose": _SPREAD["stddev_glucose"],
    **_shares(_RANGES, ["in_range"]),
}
AGP = {
    **_PERSON,
    "minute_of_day": "minutes after local midnight at which the quarter starts: 0, 15, … 1425",
    "reading_count": "readings",
    **_PERCENTILES,
}
EPISODES = {
    **_PERSON,
    "kind": "`hypo` or `hyper`",
    "level": "1: beyond 70 or 180; 2: beyond 54 or 250. Level 1 includes level 2",
    "started_at": "first of 15 minutes beyond, in UTC",
    "ended_at": "first of 15 minutes back, in UTC",
    "local_date": "local date on which it started",
    "local_end_date": "local date of its last moment",
    "duration_minutes": "minutes",
    "extreme_mg_dl": "lowest of a `hypo`, highest of a `hyper`, mg/dL",
    "is_extended": "a `hypo` of more than 120 minutes",
}
PERIODS = {
    **_PERSON,
    "period": "`last_day`, `last_7_days`, `last_14_days`, `last_30_days`, `last_90_days` or `all`",
    "first_date": "local date of its first reading",
    "last_date": "local date of its last reading",
    "reading_count": "readings",
    "percent_active": "time that readings stand for, from the first reading to the last and one"
    " cadence more, %",
    "is_sufficient": "at least 70 % active",
    **_MEAN,
    **_SPREAD,
    "gmi": "glucose management indicator, %",
    "ea1c": "estimated A1c, %",
    **_shares(_RANGES),
    **_TARGET,
    **_shares(_TARGETS),
    "gri": "glycemia risk index, 0 (best) to 100",
    "gri_zone": "`A` (up to 20) to `E` (over 80)",
    "lbgi": "low blood glucose index",
    "hbgi": "high blood glucose index",
    "j_index": "0.001 · (mean + deviation)²",
    "modd": "mean difference to 24 hours later, mg/dL; null if there is no pair",
    **_PERCENTILES,
    "hypo_episodes_level1": "episodes below 70 that start in the period",
    "hypo_episodes_level2": "episodes below 54 that start in the period",
}


def in_mmol(texts: Mapping[str, str]) -> dict[str, str]:
    """Return what columns mean in a table of `units.in_mmol`."""
    return {
        units.in_mmol_name(name) if "mg/dL" in text else name: text.replace("mg/dL", units.MMOL_L)
        for name, text in texts.items()
    }
