"""Rounding of figures: the same on a screen and on paper."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def rounded(value: float | Decimal, digits: int | None) -> Decimal | None:
    """Return a number with so many digits after the point, halves rounded away from zero.

    Without `digits` it is exact as it is written; None for one that is not finite.
    """
    exact = Decimal(str(value))
    if not exact.is_finite():
        return None
    return exact if digits is None else exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
