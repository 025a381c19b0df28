"""Values as people read them: numbers with their digits, dates and times, and text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from lakehouse.pages.rounding import rounded

Setting = TypeVar("Setting")

MISSING = "\N{EN DASH}"
"""What is shown for no value."""
_MINUS = "\N{MINUS SIGN}"


def shown(value: Any, digits: int | None = None) -> str:
    """Return a value as text; numbers are rounded to `digits`, halves away from zero."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return number(value, digits)
    if isinstance(value, datetime):
        return f"{day(value)}, {value:%H:%M}"
    return day(value) if isinstance(value, date) else str(value)


def number(value: float | Decimal, digits: int | None) -> str:
    """Return a number with thin spaces between thousands and the sign that minus has in print."""
    exact = rounded(value, digits)
    if exact is None:
        return MISSING
    text = f"{exact:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return _MINUS + text[1:] if text.startswith("-") and exact else text.lstrip("-")


def day(value: date) -> str:
    """Return a date in words that no country reads differently: 5 March 2024."""
    return f"{value.day} {value:%B %Y}"


def of_choice(setting: Setting | Mapping[str, Setting], chosen: Mapping[str, str]) -> Setting:
    """Return what a setting is for the chosen values, if it has one for each value of a choice."""
    if not isinstance(setting, Mapping):
        return setting
    return next(setting[value] for value in chosen.values() if value in setting)
