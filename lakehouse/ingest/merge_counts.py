"""Counts of the rows of a fetch: new, changed, unchanged, repeated, quarantined or gone."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class MergeCounts:
    """Counts of the rows of one fetch by outcome, which add up to `fetched`, and of gone rows."""

    fetched: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    repeated: int = 0
    """Rows that the same fetch held again later; only the last row of a key is merged."""
    gone: int = 0
    """Stored rows that the source no longer has, or has only in an invalid version."""

    @property
    def written(self) -> int:
        """Rows that are written to the raw table: new, changed and gone ones."""
        return self.new + self.changed + self.gone

    def __add__(self, other: MergeCounts) -> MergeCounts:
        return MergeCounts(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        named = (f"{count} {name}" for name, count in self.counts.items())
        return ", ".join(named) or "no rows"

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero, by name."""
        return {name: count for name, count in vars(self).items() if count}
