"""The status of a day, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from witness.episodes import Episode
from witness.moments import Span
from witness.reach import minutes_of_trace
from witness.readings import Person

LIMITS = (("below", 54), ("below", 70), ("above", 180), ("above", 250))
POINTS = 5
"""Percentage points by which the shares of readings and of time may differ unsaid."""


def status(
    person: Person,
    span: Span,
    episodes: Sequence[Episode],
    shares: Mapping[str, Fraction],
    minutes: Mapping[str, Fraction],
    *,
    is_disagreeing: bool,
) -> dict[str, Any]:
    """`day_status` and `status_reasons` of a day."""
    low = minutes["minutes_below_70"] > 15 or _holds(span, episodes, ("hypo", 1), 15)
    high = minutes["minutes_above_250"] > 25 or _holds(span, episodes, ("hyper", 2), 25)
    reasons = []
    if low:
        reasons.append("more than 15 minutes below 70 mg/dL")
    if high:
        reasons.append("more than 25 minutes above 250 mg/dL")
    if is_disagreeing:
        reasons.append("two traces disagree by more than a sensor's noise")
    trace = minutes_of_trace(person, span)
    reasons += [
        f"shares of readings and of time {side} {limit} mg/dL differ"
        for side, limit in LIMITS
        if trace
        and abs(
            shares[f"percent_{side}_{limit}"] - 100 * minutes[f"minutes_{side}_{limit}"] / trace
        )
        > POINTS
    ]
    return {
        "day_status": "CRITICAL" if low else "ALERT" if high else "OK",
        "status_reasons": "; ".join(reasons),
    }


def _holds(span: Span, episodes: Sequence[Episode], kind: tuple[str, int], minutes: int) -> bool:
    """Whether a day wholly contains an episode longer than this."""
    return any(
        (episode.kind, episode.level) == kind
        and span.start <= episode.start
        and episode.end <= span.end
        and episode.minutes > minutes
        for episode in episodes
    )
