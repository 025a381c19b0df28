"""Comparison of rows in any order, where repeated rows count, and their text for messages."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date, datetime
from typing import Any

from lakehouse.testing.sandbox import Row, Rows


def less(rows: Rows, others: Rows) -> Rows:
    """Return the rows without the others, each of which takes away one equal row."""
    available = Counter(map(_key, others))
    unmatched = []
    for row in rows:
        available[_key(row)] -= 1
        if available[_key(row)] < 0:
            unmatched.append(row)
    return unmatched


def differences(left: Rows, right: Rows) -> tuple[Rows, Rows]:
    """Return the rows that only one side has; floats are equal if nine digits are."""
    missing, extra = less(left, right), less(right, left)
    for row in list(missing):
        same = next((other for other in extra if _alike(row, other)), None)
        if same is not None:
            missing.remove(row)
            extra.remove(same)
    return missing, extra


def shown(rows: Rows) -> list[str]:
    """Return a line for each row, without the columns that are null in all rows."""
    used = [
        name for name in (rows[0] if rows else ()) if any(row[name] is not None for row in rows)
    ]
    return [f"  {', '.join(f'{name}={_text(row[name])}' for name in used)}" for row in rows]


def moment(at: datetime) -> str:
    """Return a time as people write it; midnight is written as the day only."""
    return at.isoformat(sep=" ").replace("+00:00", "Z").replace(" 00:00:00Z", "")


def _key(row: Row) -> str:
    return repr(sorted(row.items()))


def _alike(row: Row, other: Row) -> bool:
    return all(_same(row[name], other[name]) for name in row)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        nan = math.isnan(one) and math.isnan(other)
        return nan or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return moment(value)
    return value.isoformat() if isinstance(value, date) else repr(value)
