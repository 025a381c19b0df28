"""A person who travels: the dates from which on their days begin in another time zone.

A day begins at midnight of the zone that it begins in, and ends at the midnight that begins the
next day in the zone of that one. The clock changes at the earlier of the two midnights that begin
the date of a change, by the zone before and by the one after it. So the day before is longer or
shorter than others, and every night lies in one zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lakehouse import ConfigError
from lakehouse.addresses import repeatable
from lakehouse.config import zone

_KEYS = ("since", "timezone")
_FIRST_YEAR, _LAST_YEAR = 2000, 9998
_EXAMPLE = 'travels = [{ since = 2024-03-12, timezone = "America/New_York" }]'


@dataclass(frozen=True)
class Travel:
    """A change of the time zone that a person lives in.

    `since` is the first local day that begins in `timezone`, an IANA name; `starts_at` is the
    instant, in UTC, from which on their clock shows its time.
    """

    since: date
    timezone: str
    starts_at: datetime


def travels(said: Any, home: str, where: str) -> tuple[Travel, ...]:
    """Return the changes that a setting names, in order of time; `home` is the zone before them.

    Raises ConfigError, which says `where` the setting is.
    """
    if said is None:
        return ()
    if not isinstance(said, list) or not all(isinstance(each, Mapping) for each in said):
        raise ConfigError(f"{where} is no list of tables", hint=f"write it as in {_EXAMPLE}")
    changes: list[Travel] = []
    for each in said:
        change = _travel(each, changes[-1].timezone if changes else home, where)
        if changes and change.since <= changes[-1].since:
            raise ConfigError(
                f"{where} names {change.since} after {changes[-1].since}",
                hint="name each date once, the earliest first",
            )
        changes.append(change)
    return tuple(changes)


def _travel(said: Mapping[str, Any], before: str, where: str) -> Travel:
    unknown = sorted(set(said) - {*_KEYS})
    if unknown:
        raise ConfigError(
            f"{where} has {unknown[0]!r}, which means nothing",
            hint=f"a change takes {' and '.join(_KEYS)}, as in {_EXAMPLE}",
        )
    missing = [key for key in _KEYS if key not in said]
    if missing:
        raise ConfigError(f"{where} has a change without {missing[0]}", hint=f"as in {_EXAMPLE}")
    if not isinstance(said["timezone"], str):
        raise ConfigError(f"`timezone` in {where} is no text", hint="write it in quotes")
    since = _date(said["since"], f"`since` in {where}")
    after = zone(said["timezone"], f"`timezone` in {where}").key
    midnights = [_midnight(since, name) for name in (before, after)]
    if max(midnights) - min(midnights) > timedelta(days=1):
        raise ConfigError(
            f"{where} goes from {before} to {after} on {since}, whose midnights there are more"
            " than a day apart",
            hint="name a zone between the two, such as Pacific/Honolulu, on the day before",
        )
    return Travel(since, after, min(midnights))


def _date(said: Any, where: str) -> date:
    """Return a local date, given as such or as text."""
    day = _parsed(said) if isinstance(said, str) else said
    if not isinstance(day, date) or isinstance(day, datetime):
        raise ConfigError(f"{where} is {repeatable(said)}", hint="write a date, as in 2024-03-12")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ConfigError(
            f"{where} is {day}", hint=f"write a date from {_FIRST_YEAR} to {_LAST_YEAR}"
        )
    return day


def _parsed(text: str) -> date | None:
    """Return the date of a text such as 2024-03-12; None for any other."""
    with suppress(ValueError):
        day = date.fromisoformat(text)
        return day if day.isoformat() == text else None
    return None


def _midnight(day: date, name: str) -> datetime:
    """Return the first instant at which a day's clock shows midnight, or the time it skips to."""
    return datetime.combine(day, time(), ZoneInfo(name)).astimezone(UTC)
