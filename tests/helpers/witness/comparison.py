"""What differs between the rows of a model and those computed in plain Python, for people to read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

Row = dict[str, Any]

KEYS = {
    "fct_glucose_readings": ("site", "reading_timestamp"),
    "dim_date": ("site", "date"),
    "mrt_glucose_readings": ("site", "reading_date", "hour_of_day"),
    "mrt_glucose_overview": ("site", "reading_date"),
    "mrt_glucose_overnight": ("site", "reading_date"),
    "mrt_glucose_hourly_patterns": ("site", "day_of_week", "hour_of_day"),
    "mrt_glucose_episodes": ("site", "kind", "level", "started_at"),
    "mrt_glucose_agp": ("site", "minute_of_day"),
    "mrt_glucose_periods": ("site", "period"),
}
"""What a row of each table is known by."""
_SHOWN = 12
"""Differences of a column that are told one by one, at most."""


def differences(table: str, found: Sequence[Row], computed: Iterable[Row]) -> list[str]:
    """Lines that say what differs; none if every figure of every row is the same."""
    models, plain = _by_key(table, found), _by_key(table, computed)
    lines = [f"{table} {_named(key)}: only the model has it" for key in models.keys() - plain]
    lines += [f"{table} {_named(key)}: the model lacks it" for key in plain.keys() - models]
    columns = {column for row in found for column in row}
    lines += [
        f"{table}.{column}: nobody has computed it anew"
        for column in sorted(columns - {column for row in plain.values() for column in row})
        if plain
    ]
    counts: Counter[str] = Counter()
    for key in sorted(models.keys() & plain.keys(), key=repr):
        for column in columns & plain[key].keys():
            model, expected = models[key][column], plain[key][column]
            if not same(model, expected):
                counts[column] += 1
                if counts[column] <= _SHOWN:
                    lines.append(
                        f"{table} {_named(key)} {column}: the model says {model!r}, "
                        f"plain Python {_told(expected)}"
                    )
    lines += [f"{table}.{column}: {count} differ" for column, count in sorted(counts.items())]
    return sorted(lines)


def same(model: Any, expected: Any) -> bool:
    """Whether two figures agree: floats to nine digits, all else exactly."""
    if isinstance(model, float) and expected is not None:
        return math.isclose(model, float(expected), rel_tol=1e-9, abs_tol=1e-9)
    return bool(model == expected)


def _by_key(table: str, rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
    keyed = [(tuple(row[name] for name in KEYS[table]), row) for row in rows]
    found = dict(keyed)
    assert len(found) == len(keyed), f"{table} has several rows of a key"
    return found


def _named(key: tuple[Any, ...]) -> str:
    return " ".join(str(part) for part in key)


def _told(expected: Any) -> str:
    return repr(float(expected) if isinstance(expected, Fraction) else expected)
