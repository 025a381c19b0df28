"""Counts of the rows of a fetch: new, changed, unchanged, repeated or quarantined."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class MergeCounts:
    """Counts of the rows of one fetch by outcome; the other counts add up to `fetched`."""

    fetched: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    repeated: int = 0
    """Rows that the same fetch held again later; only the last row of a key is merged."""

    def __add__(self, other: MergeCounts) -> MergeCounts:
        return MergeCounts(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        named = (f"{count} {name}" for name, count in self.counts.items())
        return ", ".join(named) or "no rows"

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero, by name."""
        return {name: count for name, count in vars(self).items() if count}
