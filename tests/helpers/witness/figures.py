"""Figures of a handful of whole numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction


def mean(values: Sequence[int]) -> Fraction:
    return Fraction(sum(values), len(values))


def deviation(values: Sequence[int]) -> float | None:
    """The sample's standard deviation; None for one value."""
    if len(values) < 2:
        return None
    middle = mean(values)
    squares = sum(value * value for value in values) - len(values) * middle * middle
    return math.sqrt(squares / (len(values) - 1))


def cv(values: Sequence[int]) -> float | None:
    """The coefficient of variation, in percent."""
    spread = deviation(values)
    return None if spread is None else 100 * spread / float(mean(values))


def percentile(values: Iterable[int], percent: int) -> float:
    """The percentile, linear between the two nearest ranks (type 7 of R)."""
    ranked = sorted(values)
    place = Fraction(percent * (len(ranked) - 1), 100)
    below = math.floor(place)
    above = min(below + 1, len(ranked) - 1)
    return float(ranked[below] + (place - below) * (ranked[above] - ranked[below]))


def share(values: Sequence[int], wanted: Callable[[int], bool]) -> Fraction:
    """The percentage of values that are wanted."""
    return Fraction(100 * sum(map(wanted, values)), len(values))


RANGES: dict[str, Callable[[int], bool]] = {
    "in_range": lambda value: 70 <= value <= 180,
    "in_tight_range": lambda value: 70 <= value <= 140,
    "below_54": lambda value: value < 54,
    "below_70": lambda value: value < 70,
    "above_180": lambda value: value > 180,
    "above_250": lambda value: value > 250,
}


def shares(
    values: Sequence[int], names: Iterable[str] = tuple(RANGES)
) -> dict[str, Fraction | int]:
    """The numbers and the percentages of readings that summaries have of the ranges."""
    return {
        **{f"readings_{name}": sum(map(RANGES[name], values)) for name in names},
        **{f"percent_{name}": share(values, RANGES[name]) for name in names},
    }


def target(values: Sequence[int]) -> dict[str, Fraction | int]:
    """The percentages of readings by the range of a person who has set none, 70 to 180."""
    return {
        "target_low_mg_dl": 70,
        "target_high_mg_dl": 180,
        "readings_in_target": sum(70 <= value <= 180 for value in values),
        "readings_below_target": sum(value < 70 for value in values),
        "readings_above_target": sum(value > 180 for value in values),
        "percent_in_target": share(values, lambda value: 70 <= value <= 180),
        "percent_below_target": share(values, lambda value: value < 70),
        "percent_above_target": share(values, lambda value: value > 180),
    }


def gri(values: Sequence[int]) -> Fraction:
    """The glycemia risk index (Klonoff 2022), 0 to 100."""
    weighed = (
        3 * share(values, lambda value: value < 54)
        + Fraction(24, 10) * share(values, lambda value: 54 <= value < 70)
        + Fraction(16, 10) * share(values, lambda value: value > 250)
        + Fraction(8, 10) * share(values, lambda value: 180 < value <= 250)
    )
    return min(Fraction(100), weighed)


def zone(risk: Fraction) -> str:
    """The zone of a glycemia risk index: A up to 20, and so on to E over 80."""
    return "ABCDE"[max(0, min(4, math.ceil(risk / 20) - 1))]


def low_risk(values: Sequence[int]) -> float:
    """LBGI (Kovatchev)."""
    return math.fsum(10 * min(_scaled(value), 0) ** 2 for value in values) / len(values)


def high_risk(values: Sequence[int]) -> float:
    """HBGI (Kovatchev)."""
    return math.fsum(10 * max(_scaled(value), 0) ** 2 for value in values) / len(values)


def _scaled(value: int) -> float:
    return 1.509 * (math.log(value) ** 1.084 - 5.381)
